using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Requests;

/// <summary>Requests that the session answers by itself, as Linux 6.18 sends them.</summary>
internal static class SessionRequestVectors
{
    public static readonly RequestVector[] All =
    [
        new(
            "INTERRUPT",
            """
            30 00 00 00 ; len 48
            24 00 00 00 ; opcode 36
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 01 00 00 00 00 00 00 ; unique 0x100
            """,
            null,
            null,
            0),
        new(
            "DESTROY",
            """
            28 00 00 00 ; len 40
            26 00 00 00 ; opcode 38
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            """,
            null,
            Errno.None,
            0),
        new(
            "INIT",
            """
            68 00 00 00 ; len 104
            1a 00 00 00 ; opcode 26
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            07 00 00 00 ; major 7
            2d 00 00 00 ; minor 45
            00 00 02 00 ; max_readahead 128 KiB
            fb ff ff 73 ; flags
            fd 05 00 00 ; flags2
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            00 00 00 00 ; unused
            """,
            null,
            Errno.None,
            64),
        new(
            "OPEN",
            """
            30 00 00 00 ; len 48
            0e 00 00 00 ; opcode 14
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 ; flags O_RDONLY
            00 00 00 00 ; open_flags
            """,
            null,
            Errno.ENOSYS,
            0),
        new(
            "OPENDIR",
            """
            30 00 00 00 ; len 48
            1b 00 00 00 ; opcode 27
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 01 00 ; flags O_DIRECTORY
            00 00 00 00 ; open_flags
            """,
            null,
            Errno.ENOSYS,
            0),
        new(
            "FLUSH",
            """
            40 00 00 00 ; len 64
            19 00 00 00 ; opcode 25
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; fh
            00 00 00 00 ; unused
            00 00 00 00 ; padding
            00 00 00 00 00 00 00 00 ; lock_owner
            """,
            null,
            Errno.ENOSYS,
            0),
        new(
            "GETXATTR",
            """
            44 00 00 00 ; len 68
            16 00 00 00 ; opcode 22
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 ; size 0
            00 00 00 00 ; padding
            73 65 63 75 72 69 74 79 2e 63 61 70 61 62 69 6c 69 74 79 00 ; name "security.capability" and terminator
            """,
            null,
            Errno.ENOSYS,
            0),
        new(
            "LISTXATTR",
            """
            30 00 00 00 ; len 48
            17 00 00 00 ; opcode 23
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 ; size 0
            00 00 00 00 ; padding
            """,
            null,
            Errno.None,
            8),
        new(
            "LISTXATTR, with room",
            """
            30 00 00 00 ; len 48
            17 00 00 00 ; opcode 23
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 01 00 00 ; size 256
            00 00 00 00 ; padding
            """,
            null,
            Errno.None,
            0),
        new(
            "ACCESS",
            """
            30 00 00 00 ; len 48
            22 00 00 00 ; opcode 34
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            04 00 00 00 ; mask R_OK
            00 00 00 00 ; padding
            """,
            null,
            Errno.ENOSYS,
            0),
        new(
            "LSEEK",
            """
            40 00 00 00 ; len 64
            2e 00 00 00 ; opcode 46
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; fh
            00 00 00 00 00 00 00 00 ; offset
            04 00 00 00 ; whence SEEK_HOLE
            00 00 00 00 ; padding
            """,
            null,
            Errno.ENOSYS,
            0),
        new(
            "STATX",
            """
            40 00 00 00 ; len 64
            34 00 00 00 ; opcode 52
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 ; getattr_flags
            00 00 00 00 ; reserved
            00 00 00 00 00 00 00 00 ; fh
            00 00 00 00 ; sx_flags
            ff 0f 00 00 ; sx_mask
            """,
            null,
            Errno.ENOSYS,
            0),
        new(
            "IOCTL",
            """
            48 00 00 00 ; len 72
            27 00 00 00 ; opcode 39
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; fh
            00 00 00 00 ; flags
            01 54 00 00 ; cmd TCGETS
            00 00 00 00 00 00 00 00 ; arg
            00 00 00 00 ; in_size
            3c 00 00 00 ; out_size 60
            """,
            null,
            Errno.ENOTTY,
            0),
        new(
            "WRITE",
            """
            51 00 00 00 ; len 81
            10 00 00 00 ; opcode 16
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; fh
            00 00 00 00 00 00 00 00 ; offset
            01 00 00 00 ; size 1
            00 00 00 00 ; write_flags
            00 00 00 00 00 00 00 00 ; lock_owner
            01 00 00 00 ; flags
            00 00 00 00 ; padding
            78 ; data
            """,
            null,
            Errno.EROFS,
            0),
        new(
            "MKDIR",
            """
            34 00 00 00 ; len 52
            09 00 00 00 ; opcode 9
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            ed 01 00 00 ; mode 0755
            12 00 00 00 ; umask
            6e 65 77 00 ; name "new" and terminator
            """,
            null,
            Errno.EROFS,
            0),
        new(
            "CREATE",
            """
            3c 00 00 00 ; len 60
            23 00 00 00 ; opcode 35
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            41 00 00 00 ; flags
            a4 81 00 00 ; mode
            12 00 00 00 ; umask
            00 00 00 00 ; open_flags
            6e 65 77 00 ; name "new" and terminator
            """,
            null,
            Errno.EROFS,
            0),
        new(
            "RENAME2",
            """
            40 00 00 00 ; len 64
            2d 00 00 00 ; opcode 45
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            01 00 00 00 00 00 00 00 ; newdir 1
            00 00 00 00 ; flags
            00 00 00 00 ; padding
            6f 6c 64 00 ; name "old" and terminator
            6e 65 77 00 ; name "new" and terminator
            """,
            null,
            Errno.EROFS,
            0),
        new(
            "SYMLINK",
            """
            34 00 00 00 ; len 52
            06 00 00 00 ; opcode 6
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            6c 69 6e 6b 00 ; name "link" and terminator
            74 61 72 67 65 74 00 ; name "target" and terminator
            """,
            null,
            Errno.EROFS,
            0),
        new(
            "RELEASE",
            """
            40 00 00 00 ; len 64
            12 00 00 00 ; opcode 18
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; fh
            00 00 00 00 ; flags
            00 00 00 00 ; release_flags
            00 00 00 00 00 00 00 00 ; lock_owner
            """,
            null,
            Errno.None,
            0),
        new(
            "NOTIFY_REPLY",
            """
            50 00 00 00 ; len 80
            29 00 00 00 ; opcode 41
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; dummy1
            00 00 00 00 00 00 00 00 ; offset
            00 00 00 00 ; size
            00 00 00 00 ; dummy2
            00 00 00 00 00 00 00 00 ; dummy3
            00 00 00 00 00 00 00 00 ; dummy4
            """,
            null,
            null,
            0),
        new(
            "of an unknown kind",
            """
            30 00 00 00 ; len 48
            3c 00 00 00 ; opcode 60
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; whatever
            """,
            null,
            Errno.ENOSYS,
            0),
    ];
}
