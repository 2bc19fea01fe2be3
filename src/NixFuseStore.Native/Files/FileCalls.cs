using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Files;

/// <summary>The calls of libc behind <see cref="FileNode"/>.</summary>
internal static unsafe partial class FileCalls
{
    private const string Library = "libc";

    internal const int AtCurrentDirectory = -100;     // AT_FDCWD
    internal const int SymlinkNoFollow = 0x100;       // AT_SYMLINK_NOFOLLOW
    internal const int EmptyPath = 0x1000;            // AT_EMPTY_PATH
    internal const int OpenReadOnly = 0;              // O_RDONLY
    internal const int OpenNonBlocking = 0x800;       // O_NONBLOCK
    internal const int OpenDirectory = 0x10000;       // O_DIRECTORY
    internal const int OpenNoFollow = 0x20000;        // O_NOFOLLOW
    internal const int OpenCloseOnExec = 0x80000;     // O_CLOEXEC
    internal const uint StatxBasicStats = 0x7ff;      // STATX_BASIC_STATS

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int openat(int directory, byte* name, int flags, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int statx(int directory, byte* name, int flags, uint mask, Statx* result);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint readlinkat(int directory, byte* name, byte* target, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint read(int file, byte* buffer, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint getdents64(int directory, byte* buffer, nuint length);

    // struct statx of linux/stat.h, as far as it is read; 256 bytes on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct Statx
    {
        [FieldOffset(0x14)]
        public uint UserId;

        [FieldOffset(0x18)]
        public uint GroupId;

        [FieldOffset(0x1c)]
        public ushort Mode;

        [FieldOffset(0x28)]
        public ulong Size;

        [FieldOffset(0x70)]
        public long ModifiedSeconds;

        [FieldOffset(0x78)]
        public uint ModifiedNanoseconds;
    }
}
