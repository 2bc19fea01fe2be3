namespace NixFuseStore.Fuse.Requests;

/// <summary>SETATTR: chmod, chown, truncate or utimens. A value is present only when the caller set it.</summary>
/// <param name="Node">The node to change.</param>
/// <param name="Mode">New type and permissions.</param>
/// <param name="UserId">New owner.</param>
/// <param name="GroupId">New group.</param>
/// <param name="Size">New size in bytes.</param>
/// <param name="ChangesTimes">Whether any time is to be set; which one no file system here cares about.</param>
/// <param name="Caller">Who asks.</param>
public readonly record struct SetAttributesRequest(
    ulong Node, uint? Mode, uint? UserId, uint? GroupId, ulong? Size, bool ChangesTimes, FuseCaller Caller);
