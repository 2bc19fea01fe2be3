using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseNotifyInvalidateInodeOut(ulong Node, long Offset, long Bytes); // fuse_notify_inval_inode_out
