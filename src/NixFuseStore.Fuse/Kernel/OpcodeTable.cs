using System.Runtime.CompilerServices;
using static NixFuseStore.Fuse.Kernel.OpcodeTreatment;

namespace NixFuseStore.Fuse.Kernel;

/// <summary>
/// The operations of the protocol (7.45), one line each. Argument sizes stand only where the session looks at arguments.
/// </summary>
internal static class OpcodeTable
{
    public static OpcodeInfo Find(FuseOpcode opcode) => opcode switch
    {
        // Answered by the file system.
        FuseOpcode.Lookup => new("LOOKUP", FileSystem, Names: 1),
        FuseOpcode.Forget => new("FORGET", FileSystem, Unsafe.SizeOf<FuseForgetIn>()),
        FuseOpcode.BatchForget => new("BATCH_FORGET", FileSystem, Unsafe.SizeOf<FuseBatchForgetIn>()),
        FuseOpcode.GetAttr => new("GETATTR", FileSystem, Unsafe.SizeOf<FuseGetAttrIn>()),
        FuseOpcode.SetAttr => new("SETATTR", FileSystem, Unsafe.SizeOf<FuseSetAttrIn>()),
        FuseOpcode.ReadLink => new("READLINK", FileSystem),
        FuseOpcode.MakeNode => new("MKNOD", FileSystem, Unsafe.SizeOf<FuseMakeNodeIn>(), Names: 1),
        FuseOpcode.Unlink => new("UNLINK", FileSystem, Names: 1),
        FuseOpcode.Read => new("READ", FileSystem, Unsafe.SizeOf<FuseReadIn>()),
        FuseOpcode.ReadDirectory => new("READDIR", FileSystem, Unsafe.SizeOf<FuseReadIn>()),
        FuseOpcode.ReadDirectoryPlus => new("READDIRPLUS", FileSystem, Unsafe.SizeOf<FuseReadIn>()),
        FuseOpcode.StatFs => new("STATFS", FileSystem),

        // The session's own business.
        FuseOpcode.ListXattr => new("LISTXATTR", Session, Unsafe.SizeOf<FuseGetXattrIn>()),
        FuseOpcode.Init => new("INIT", Session, FuseInitIn.BytesMin),
        FuseOpcode.Interrupt => new("INTERRUPT", Session, Unsafe.SizeOf<FuseInterruptIn>()),
        FuseOpcode.Destroy => new("DESTROY", Session),
        FuseOpcode.NotifyReply => new("NOTIFY_REPLY", Session),

        // Asked once: an open needs no round trip, and there are no attributes, locks or holes to tell of.
        FuseOpcode.Open => new("OPEN", NotImplemented),
        FuseOpcode.OpenDirectory => new("OPENDIR", NotImplemented),
        FuseOpcode.Flush => new("FLUSH", NotImplemented),
        FuseOpcode.Fsync => new("FSYNC", NotImplemented),
        FuseOpcode.FsyncDirectory => new("FSYNCDIR", NotImplemented),
        FuseOpcode.SyncFs => new("SYNCFS", NotImplemented),
        FuseOpcode.Access => new("ACCESS", NotImplemented), // default_permissions: the kernel checks modes itself
        FuseOpcode.Statx => new("STATX", NotImplemented), // then GETATTR
        FuseOpcode.Seek => new("LSEEK", NotImplemented),

        // ENODATA would say the same, but the kernel does not remember it: "ls -l" asks for the access list of each file, execve for the
        // capabilities of each program, and overlayfs for several attributes at each lookup.
        FuseOpcode.GetXattr => new("GETXATTR", NotImplemented),
        FuseOpcode.SetXattr => new("SETXATTR", NotImplemented),
        FuseOpcode.RemoveXattr => new("REMOVEXATTR", NotImplemented),
        FuseOpcode.Poll => new("POLL", NotImplemented), // then always ready
        FuseOpcode.BlockMap => new("BMAP", NotImplemented),
        FuseOpcode.GetLock => new("GETLK", NotImplemented), // locks were not asked for: the kernel keeps them
        FuseOpcode.SetLock => new("SETLK", NotImplemented),
        FuseOpcode.SetLockWait => new("SETLKW", NotImplemented),
        FuseOpcode.SetupMapping => new("SETUPMAPPING", NotImplemented),
        FuseOpcode.RemoveMapping => new("REMOVEMAPPING", NotImplemented),
        FuseOpcode.Ioctl => new("IOCTL", NotTerminal),

        // Never sent while OPEN is ENOSYS; a kernel that does gets its way.
        FuseOpcode.Release => new("RELEASE", Nothing),
        FuseOpcode.ReleaseDirectory => new("RELEASEDIR", Nothing),

        // Changes. They arrive only until the mount is made read-only; after that the kernel refuses them itself.
        FuseOpcode.Symlink => new("SYMLINK", ReadOnly),
        FuseOpcode.MakeDirectory => new("MKDIR", ReadOnly),
        FuseOpcode.RemoveDirectory => new("RMDIR", ReadOnly),
        FuseOpcode.Rename => new("RENAME", ReadOnly),
        FuseOpcode.Rename2 => new("RENAME2", ReadOnly),
        FuseOpcode.Link => new("LINK", ReadOnly),
        FuseOpcode.Write => new("WRITE", ReadOnly),
        FuseOpcode.Create => new("CREATE", ReadOnly),
        FuseOpcode.TemporaryFile => new("TMPFILE", ReadOnly),
        FuseOpcode.Fallocate => new("FALLOCATE", ReadOnly),
        FuseOpcode.CopyFileRange => new("COPY_FILE_RANGE", ReadOnly),
        FuseOpcode.CopyFileRange64 => new("COPY_FILE_RANGE_64", ReadOnly),

        _ => new("unknown", NotImplemented),
    };
}
