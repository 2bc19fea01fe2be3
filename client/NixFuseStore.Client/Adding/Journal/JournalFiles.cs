using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Client.Adding;

/// <summary>What a journal does with its disk; tests put faults in between. Everything may fail with an <see cref="IOException"/>.</summary>
internal class JournalFiles
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes the directory, readable by its owner alone: a record is registered with the rights of the mount.</summary>
    public virtual void CreateDirectory(string path) => Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);

    /// <summary>Names of the files in a directory, in order.</summary>
    public virtual string[] List(string directory)
    {
        string[] names = [.. Directory.EnumerateFiles(directory).Select(static path => Path.GetFileName(path))];
        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    /// <summary>Opens the file for this process alone, and makes it where it is not there.</summary>
    public virtual SafeFileHandle Lock(string path) => Open(path, FileMode.OpenOrCreate);

    public virtual byte[] Read(string path) => File.ReadAllBytes(path);

    public virtual SafeFileHandle Create(string path) => Open(path, FileMode.CreateNew);

    public virtual void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> bytes, long offset) => RandomAccess.Write(file, bytes, offset);

    public virtual void Flush(SafeFileHandle file) => RandomAccess.FlushToDisk(file);

    public virtual void FlushDirectory(string path) => DirectorySync.Flush(path);

    public virtual void Delete(string path) => File.Delete(path);

    public virtual void Rename(string from, string to) => File.Move(from, to);

    private static SafeFileHandle Open(string path, FileMode mode)
    {
        var file = File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.None);
        try
        {
            File.SetUnixFileMode(file, OwnerOnly);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
