using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>Asking file systems about themselves.</summary>
public static unsafe partial class Libc
{
    // struct statfs has 120 bytes on 64-bit Linux.
    private const int FileSystemStatusBytes = 256;

    /// <summary>
    /// statfs(2), for its error alone. Unlike a file's attributes the answer is never kept by the kernel, so ENOTCONN shows that
    /// no process serves a FUSE mount any more. Waits for the server of one that is served.
    /// </summary>
    public static Errno ProbeFileSystem(string path)
    {
        var status = stackalloc byte[FileSystemStatusBytes];
        return Raw.GetFileSystemStatus(path, status) < 0 ? LastError : Errno.None;
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "statfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int GetFileSystemStatus(string path, byte* status);
    }
}
