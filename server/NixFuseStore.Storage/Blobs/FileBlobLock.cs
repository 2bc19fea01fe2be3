using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Storage.Blobs;

/// <summary>The right of one process to write one object: an exclusive flock, which ends with the process.</summary>
internal sealed class FileBlobLock : IDisposable
{
    private readonly SafeFileHandle _handle;

    private FileBlobLock(string path, SafeFileHandle handle)
    {
        LockPath = path;
        _handle = handle;
    }

    public string LockPath { get; }

    /// <exception cref="IOException">Another process holds it.</exception>
    public static FileBlobLock Take(string path) =>
        new(path, PrivateFiles.Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));

    /// <summary>Removes the file along with the lock: the object is sealed and is never written again.</summary>
    public void Remove()
    {
        File.Delete(LockPath);
        Dispose();
    }

    public void Dispose() => _handle.Dispose();
}
