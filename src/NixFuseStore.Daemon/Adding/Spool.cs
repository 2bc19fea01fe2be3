using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Daemon.Adding;

/// <summary>
/// Keeps data whose size is not known yet: up to 1 MiB in memory, more in a temporary file without a name, which vanishes with this
/// process at the latest.
/// </summary>
/// <param name="directory">Where the file is made.</param>
/// <param name="bytesMax">Bytes that are kept at most.</param>
/// <param name="bytesLeft">Bytes that are left free in the file system.</param>
internal sealed class Spool(string directory, long bytesMax = long.MaxValue, long bytesLeft = 0) : IDisposable
{
    /// <summary>Bytes that are kept in memory.</summary>
    internal const int MemoryBytesMax = 1024 * 1024;

    /// <summary>The free room is looked at whenever so many bytes have come.</summary>
    private const long LookInterval = 16L << 20;

    private readonly MemoryStream _memory = new();
    private long _lookAt;
    private SafeFileHandle? _file;

    /// <summary>Bytes so far.</summary>
    internal long Length { get; private set; }

    /// <summary>Adds bytes.</summary>
    /// <exception cref="DaemonStoreException">The temporary file cannot be written.</exception>
    internal void Write(ReadOnlySpan<byte> bytes)
    {
        if (_file is null && Length + bytes.Length <= MemoryBytesMax)
        {
            _memory.Write(bytes);
        }
        else
        {
            WriteToFile(bytes);
        }

        Length += bytes.Length;
    }

    /// <summary>Takes bytes from that position on; 0 at the end.</summary>
    /// <exception cref="DaemonStoreException">The temporary file cannot be read.</exception>
    internal int Read(long position, Span<byte> destination)
    {
        if (_file is null)
        {
            _memory.Position = position;
            return _memory.Read(destination);
        }

        try
        {
            return RandomAccess.Read(_file, destination, position);
        }
        catch (IOException e)
        {
            throw Failed("read", e);
        }
    }

    /// <summary>All of it, where it is in memory or fits into it.</summary>
    internal byte[] ToArray(int bytesMax)
    {
        if (Length > bytesMax)
        {
            throw new DaemonStoreException($"the data has {Length} bytes, more than the {bytesMax} that a derivation may have");
        }

        byte[] bytes = new byte[Length];
        for (int filled = 0; filled < bytes.Length;)
        {
            filled += Read(filled, bytes.AsSpan(filled));
        }

        return bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        _memory.Dispose();
    }

    private void WriteToFile(ReadOnlySpan<byte> bytes)
    {
        RequireRoom(bytes.Length);
        try
        {
            if (_file is null)
            {
                string path = Path.Join(directory, $"nixfuse-{Path.GetRandomFileName()}");
                _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite);
                File.Delete(path);
                RandomAccess.Write(_file, _memory.GetBuffer().AsSpan(0, (int)_memory.Length), 0);
                _memory.SetLength(0);
                _memory.Capacity = 0;
            }

            RandomAccess.Write(_file, bytes, Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed("write", e);
        }
    }

    // A client may send for ever; the disk is not its own.
    private void RequireRoom(int length)
    {
        if (Length + length > bytesMax)
        {
            throw new DaemonStoreException($"the data has more than the {bytesMax} bytes that are taken at once");
        }

        if (Length < _lookAt)
        {
            return;
        }

        _lookAt = Length + LookInterval;
        if (FreeSpace.Of(directory) is { } free && free - LookInterval < bytesLeft)
        {
            throw new DaemonStoreException(
                $"there is no room for more of the data: {Length} bytes have come, {free} are left in {directory}, and {bytesLeft} are to stay free");
        }
    }

    private DaemonStoreException Failed(string what, Exception e) =>
        new($"cannot {what} a temporary file in {directory}: {e.Message}", e);
}
