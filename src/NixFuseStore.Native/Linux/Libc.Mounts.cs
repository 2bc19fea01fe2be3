using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>Mounting and unmounting.</summary>
public static unsafe partial class Libc
{
    /// <summary>mount(2).</summary>
    /// <param name="source">What the mount table shows as the source; null with <see cref="MountSettings.Remount"/>.</param>
    /// <param name="target">The mount point.</param>
    /// <param name="type">Type of file system; null with <see cref="MountSettings.Remount"/>.</param>
    /// <param name="flags">Flags.</param>
    /// <param name="data">Options of the file system.</param>
    public static Errno Mount(string? source, string target, string? type, MountSettings flags, string? data) =>
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

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Mount(string? source, string target, string? type, nuint flags, string? data);

        [LibraryImport(Library, EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Unmount(string target, int flags);
    }
}
