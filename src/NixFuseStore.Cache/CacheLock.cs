using System.Globalization;
using System.Text;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Cache;

/// <summary>
/// Holds a cache directory for this process, by flock on a file in it: the kernel lets go when the process ends, however it ends.
/// </summary>
internal sealed class CacheLock : IDisposable
{
    /// <summary>EWOULDBLOCK, by which .NET reports a lock that another has.</summary>
    private const int WouldBlock = 11;

    private readonly FileStream _stream;

    private CacheLock(FileStream stream) => _stream = stream;

    /// <summary>Makes the directory where it is missing, and takes its lock.</summary>
    /// <exception cref="CacheInUseException">Another process has it.</exception>
    /// <exception cref="IOException">The directory cannot be made or written.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write there.</exception>
    public static CacheLock TakeDirectory(string directory)
    {
        PrivateDirectory.Create(directory);
        return Take(directory);
    }

    /// <summary>Takes the lock.</summary>
    /// <exception cref="CacheInUseException">Another process has it.</exception>
    public static CacheLock Take(string directory)
    {
        // FileShare.None is flock(LOCK_EX) on Linux. The holder's number lies beside, as a locked file cannot be opened.
        var holder = Path.Combine(directory, "holder");
        FileStream stream;
        try
        {
            stream = new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException failure) when (failure.HResult == WouldBlock)
        {
            throw new CacheInUseException(directory, ReadHolder(holder));
        }

        try
        {
            File.WriteAllText(holder, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n", Encoding.ASCII);
        }
        catch (IOException)
        {
            // A full disk: the lock holds all the same, only the message to the next one is poorer.
        }

        return new CacheLock(stream);
    }

    public void Dispose() => _stream.Dispose();

    private static int? ReadHolder(string path)
    {
        try
        {
            return int.TryParse(File.ReadAllText(path), NumberStyles.None | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var id) ? id : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
