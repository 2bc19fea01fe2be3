using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>Questions about paths whose exact error matters; .NET folds them into true and false.</summary>
public static unsafe partial class Libc
{
    private const int AtCurrentDirectory = -100; // AT_FDCWD
    private const uint StatxTypeAndMode = 3; // STATX_TYPE | STATX_MODE
    private const int ReadLinkBytesMax = 4096; // PATH_MAX

    /// <summary>Type and permissions of what a path leads to, symbolic links followed.</summary>
    public static Errno GetMode(string path, out uint mode)
    {
        StatxBuffer buffer;
        var result = Raw.Statx(AtCurrentDirectory, path, 0, StatxTypeAndMode, &buffer);
        mode = result == 0 ? (uint)buffer.Mode : 0;
        return result == 0 ? Errno.None : LastError;
    }

    /// <summary>realpath(3): the path without symbolic links; every part of it must exist.</summary>
    public static Errno ResolvePath(string path, out string resolved)
    {
        var buffer = stackalloc byte[ReadLinkBytesMax];
        var result = Raw.RealPath(path, buffer);
        resolved = result == null ? path : Marshal.PtrToStringUTF8((nint)result)!;
        return result == null ? LastError : Errno.None;
    }

    /// <summary>struct statx, of which only the mode is of interest: 256 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxBuffer
    {
        [FieldOffset(28)]
        public ushort Mode;
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Statx(int directory, string path, int flags, uint mask, StatxBuffer* buffer);

        [LibraryImport(Library, EntryPoint = "realpath", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial byte* RealPath(string path, byte* buffer);
    }
}
