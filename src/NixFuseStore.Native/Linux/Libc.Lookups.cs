using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>Looking at files that other users may have put there: nothing here follows a symbolic link at the end of a path.</summary>
public static unsafe partial class Libc
{
    private const int OpenPathOnly = 0x200000; // O_PATH
    private const int OpenNoFollow = 0x20000; // O_NOFOLLOW
    private const int OpenDirectoryOnly = 0x10000; // O_DIRECTORY
    private const int AtSymlinkNoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
    private const int AtEmptyPath = 0x1000; // AT_EMPTY_PATH
    private const uint StatxBasic = 0x7ff; // STATX_BASIC_STATS
    private const int OpenAt2 = 437; // SYS_openat2, the same on all architectures
    private const ulong ResolveNoMagicLinks = 0x02; // RESOLVE_NO_MAGICLINKS
    private const ulong ResolveInRoot = 0x10; // RESOLVE_IN_ROOT
    private const int ResolveTriesMax = 8;

    /// <summary>A handle that only stands for a directory: what is below it is named by <c>/proc/self/fd/N/NAME</c>, whatever happens to its path.</summary>
    /// <returns>ENOTDIR or ELOOP for anything else, a symbolic link to a directory too.</returns>
    public static Errno OpenDirectory(string path, out SafeFileHandle? directory) =>
        Take(Raw.OpenAt(AtCurrentDirectory, path, OpenPathOnly | OpenNoFollow | OpenDirectoryOnly | OpenCloseOnExec, 0), out directory);

    /// <summary>The same for the directory of a process that its absolute paths begin at, and for other links of /proc that only the kernel can follow.</summary>
    public static Errno OpenMagicDirectory(string path, out SafeFileHandle? directory) =>
        Take(Raw.OpenAt(AtCurrentDirectory, path, OpenPathOnly | OpenDirectoryOnly | OpenCloseOnExec, 0), out directory);

    /// <summary>
    /// Opens a path as a process sees it that has <paramref name="root"/> for its root directory: absolute links and <c>..</c> on the way stay
    /// below it (openat2, Linux 5.6). A link at the end is opened itself.
    /// </summary>
    /// <returns>ENOSYS on older kernels.</returns>
    public static Errno OpenInRoot(SafeHandle root, string path, out SafeFileHandle? file)
    {
        using var use = new HandleUse(root);
        var how = new OpenHow { Flags = OpenPathOnly | OpenNoFollow | OpenCloseOnExec, Resolve = ResolveInRoot | ResolveNoMagicLinks };
        Errno error = Errno.EAGAIN;
        file = null;

        // EAGAIN: something was renamed meanwhile, so that the kernel cannot be sure of "..".
        for (var i = 0; i < ResolveTriesMax && error == Errno.EAGAIN; i++)
        {
            error = Take((int)Raw.OpenAt2(OpenAt2, use.Descriptor, path, &how, (nuint)sizeof(OpenHow)), out file);
        }

        return error;
    }

    /// <summary>Kind, owner and identity of a file in a directory, or of the directory itself where the name is empty.</summary>
    public static Errno Look(SafeHandle directory, string name, out FileIdentity file)
    {
        StatxIdentity buffer;
        using var use = new HandleUse(directory);
        var result = Raw.StatxIdentity(use.Descriptor, name, AtSymlinkNoFollow | (name.Length == 0 ? AtEmptyPath : 0), StatxBasic, &buffer);
        file = result == 0
            ? new FileIdentity(buffer.Mode, buffer.UserId, ((ulong)buffer.DeviceMajor << 32) | buffer.DeviceMinor, buffer.Inode)
            : default;
        return result == 0 ? Errno.None : LastError;
    }

    /// <summary>What an opened symbolic link points to.</summary>
    public static Errno ReadLink(SafeHandle link, out string target)
    {
        using var use = new HandleUse(link);
        var buffer = ArrayPool<byte>.Shared.Rent(ReadLinkBytesMax);
        try
        {
            fixed (byte* start = buffer)
            {
                var length = Raw.ReadLinkAt(use.Descriptor, "", start, ReadLinkBytesMax);
                target = length < 0 ? "" : Encoding.UTF8.GetString(start, (int)length);
                return length < 0 ? LastError : Errno.None;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static Errno Take(int descriptor, out SafeFileHandle? file)
    {
        file = descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
        return descriptor < 0 ? LastError : Errno.None;
    }

    /// <summary>struct open_how.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    /// <summary>struct statx, of which kind, owner and identity are of interest: 256 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxIdentity
    {
        [FieldOffset(20)]
        public uint UserId;

        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int OpenAt(int directory, string path, int flags, uint mode);

        [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial long OpenAt2(long number, int directory, string path, OpenHow* how, nuint bytes);

        [LibraryImport(Library, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int StatxIdentity(int directory, string path, int flags, uint mask, StatxIdentity* buffer);

        [LibraryImport(Library, EntryPoint = "readlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial nint ReadLinkAt(int directory, string path, byte* buffer, nuint bytes);
    }
}
