using System.Runtime.InteropServices;

namespace NixFuseStore.Fuse.Kernel;

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct FuseSetAttrIn( // fuse_setattr_in
    FuseSetAttrFields Valid,
    uint Padding,
    ulong Handle,
    ulong Size,
    ulong LockOwner,
    ulong AccessSeconds,
    ulong ModifySeconds,
    ulong ChangeSeconds,
    uint AccessNanoseconds,
    uint ModifyNanoseconds,
    uint ChangeNanoseconds,
    uint Mode,
    uint Unused4,
    uint UserId,
    uint GroupId,
    uint Unused5);
