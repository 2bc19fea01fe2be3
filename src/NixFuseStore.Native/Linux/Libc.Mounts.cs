using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>Mounting and unmounting.</summary>
public static unsafe partial class Libc
{
    /// <summary>mount(2).</summary>
    /// <param name="source">What the mount table shows as the source; null with <see cref="MountAttributes.Remount"/>.</param>
    /// <param name="target">The mount point.</param>
    /// <param name="type">Type of file system; null with <see cref="MountAttributes.Remount"/>.</param>
    /// <param name="flags">Flags.</param>
    /// <param name="data">Options of the file system.</param>
    public static Errno Mount(string? source, string target, string? type, MountAttributes flags, string? data) =>
        Raw.Mount(source, target, type, (nuint)flags, data) == 0 ? Errno.None : LastError;

    /// <summary>umount2(2). Never follows a symbolic link at the end of the path.</summary>
    /// <param name="target">The mount point.</param>
    /// <param name="lazy">Take it out of sight at once, and really unmount when its last user is done.</param>
    public static Errno Unmount(string target, bool lazy)
    {
        const int Detach = 2; // MNT_DETACH
        const int NoFollow = 8; // UMOUNT_NOFOLLOW
        return Raw.Unmount(target, NoFollow | (lazy ? Detach : 0)) == 0 ? Errno.None : LastError;
    }

    /// <summary>open_tree(2): a mount of the same file system that stands in no mount table and ends when nothing refers to it any more.</summary>
    /// <param name="target">The mount point.</param>
    /// <param name="mount">Its root, below which paths can be named by /proc/self/fd.</param>
    public static Errno CloneMount(string target, out SafeFileHandle? mount)
    {
        const int OpenTree = 428; // SYS_open_tree, the same on all architectures
        const uint Clone = 1; // OPEN_TREE_CLONE
        const uint CloseOnExec = 0x80000; // OPEN_TREE_CLOEXEC
        var descriptor = Raw.SystemCall(OpenTree, AtCurrentDirectory, target, Clone | CloseOnExec);
        mount = descriptor < 0 ? null : new SafeFileHandle((nint)descriptor, ownsHandle: true);
        return descriptor < 0 ? LastError : Errno.None;
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Mount(string? source, string target, string? type, nuint flags, string? data);

        [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial long SystemCall(long number, int directory, string path, uint flags);

        [LibraryImport(Library, EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Unmount(string target, int flags);
    }
}
