using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Requests;

/// <summary>Requests that the file system answers, one of every kind, as Linux 6.18 sends them.</summary>
internal static class ServedRequestVectors
{
    public static readonly RequestVector[] All =
    [
        new(
            "LOOKUP",
            """
            2e 00 00 00 ; len 46
            01 00 00 00 ; opcode 1
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            68 65 6c 6c 6f 00 ; name "hello" and terminator
            """,
            "lookup 42 hello by 1000:100:4711",
            Errno.None,
            128),
        new(
            "FORGET",
            """
            30 00 00 00 ; len 48
            02 00 00 00 ; opcode 2
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            03 00 00 00 00 00 00 00 ; nlookup 3
            """,
            "forget 42 3",
            null,
            0),
        new(
            "GETATTR",
            """
            38 00 00 00 ; len 56
            03 00 00 00 ; opcode 3
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            01 00 00 00 ; getattr_flags FUSE_GETATTR_FH
            00 00 00 00 ; dummy
            00 00 00 00 00 00 00 00 ; fh 0
            """,
            "getattr 42 by 1000:100:4711",
            Errno.None,
            104),
        new(
            "SETATTR",
            """
            80 00 00 00 ; len 128
            04 00 00 00 ; opcode 4
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            3f 00 00 00 ; valid MODE|UID|GID|SIZE|ATIME|MTIME
            00 00 00 00 ; padding
            00 00 00 00 00 00 00 00 ; fh
            05 00 00 00 00 00 00 00 ; size 5
            00 00 00 00 00 00 00 00 ; lock_owner
            01 00 00 00 00 00 00 00 ; atime
            01 00 00 00 00 00 00 00 ; mtime
            01 00 00 00 00 00 00 00 ; ctime
            00 00 00 00 ; atimensec
            00 00 00 00 ; mtimensec
            00 00 00 00 ; ctimensec
            b6 c1 00 00 ; mode 0140666
            00 00 00 00 ; unused4
            07 00 00 00 ; uid 7
            08 00 00 00 ; gid 8
            00 00 00 00 ; unused5
            """,
            "setattr 42 mode=49590 uid=7 gid=8 size=5 times=True",
            Errno.None,
            104),
        new(
            "READLINK",
            """
            28 00 00 00 ; len 40
            05 00 00 00 ; opcode 5
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            """,
            "readlink 42 by 1000:100:4711",
            Errno.None,
            6),
        new(
            "MKNOD",
            """
            3f 00 00 00 ; len 63
            08 00 00 00 ; opcode 8
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            ed c1 00 00 ; mode 0140755
            00 00 00 00 ; rdev 0
            12 00 00 00 ; umask 022
            00 00 00 00 ; padding
            73 6f 63 6b 65 74 00 ; name "socket" and terminator
            """,
            "mknod 42 socket mode=49645 umask=18",
            Errno.None,
            128),
        new(
            "UNLINK",
            """
            2f 00 00 00 ; len 47
            0a 00 00 00 ; opcode 10
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            73 6f 63 6b 65 74 00 ; name "socket" and terminator
            """,
            "unlink 42 socket",
            Errno.None,
            0),
        new(
            "READ",
            """
            50 00 00 00 ; len 80
            0f 00 00 00 ; opcode 15
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; fh 0
            00 10 00 00 00 00 00 00 ; offset 4096
            00 00 02 00 ; size 131072
            00 00 00 00 ; read_flags 0
            00 00 00 00 00 00 00 00 ; lock_owner 0
            00 80 00 00 ; flags O_RDONLY|O_LARGEFILE
            00 00 00 00 ; padding
            """,
            "read 42 4096+131072",
            Errno.None,
            5),
        new(
            "READDIR",
            """
            50 00 00 00 ; len 80
            1c 00 00 00 ; opcode 28
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; fh 0
            07 00 00 00 00 00 00 00 ; offset 7
            00 10 00 00 ; size 4096
            00 00 00 00 ; read_flags 0
            00 00 00 00 00 00 00 00 ; lock_owner 0
            00 80 00 00 ; flags O_RDONLY|O_LARGEFILE
            00 00 00 00 ; padding
            """,
            "readdir 42 7 4096 plus=False",
            Errno.None,
            0),
        new(
            "READDIRPLUS",
            """
            50 00 00 00 ; len 80
            2c 00 00 00 ; opcode 44
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            00 00 00 00 00 00 00 00 ; fh 0
            00 00 00 00 00 00 00 00 ; offset 0
            00 10 00 00 ; size 4096
            00 00 00 00 ; read_flags 0
            00 00 00 00 00 00 00 00 ; lock_owner 0
            00 80 00 00 ; flags O_RDONLY|O_LARGEFILE
            00 00 00 00 ; padding
            """,
            "readdir 42 0 4096 plus=True",
            Errno.None,
            0),
        new(
            "STATFS",
            """
            28 00 00 00 ; len 40
            11 00 00 00 ; opcode 17
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            """,
            "statfs 42",
            Errno.None,
            80),
        new(
            "BATCH_FORGET",
            """
            50 00 00 00 ; len 80
            2a 00 00 00 ; opcode 42
            02 01 00 00 00 00 00 00 ; unique 0x102
            2a 00 00 00 00 00 00 00 ; nodeid 42
            e8 03 00 00 ; uid 1000
            64 00 00 00 ; gid 100
            67 12 00 00 ; pid 4711
            00 00 00 00 ; no extensions, padding
            02 00 00 00 ; count 2
            00 00 00 00 ; dummy
            05 00 00 00 00 00 00 00 ; nodeid 5
            01 00 00 00 00 00 00 00 ; nlookup 1
            06 00 00 00 00 00 00 00 ; nodeid 6
            02 00 00 00 00 00 00 00 ; nlookup 2
            """,
            "forget 5 1; forget 6 2",
            null,
            0),
    ];
}
