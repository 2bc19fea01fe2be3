namespace NixFuseStore.Fuse.Kernel;

/// <summary>Which values of <see cref="FuseSetAttrIn"/> count.</summary>
[Flags]
internal enum FuseSetAttrFields : uint // FATTR_…
{
    None = 0,
    Mode = 1 << 0,
    UserId = 1 << 1,
    GroupId = 1 << 2,
    Size = 1 << 3,
    AccessTime = 1 << 4,
    ModifyTime = 1 << 5,
    AccessTimeNow = 1 << 7,
    ModifyTimeNow = 1 << 8,
    ChangeTime = 1 << 10,
    Times = AccessTime | ModifyTime | AccessTimeNow | ModifyTimeNow | ChangeTime,
}
