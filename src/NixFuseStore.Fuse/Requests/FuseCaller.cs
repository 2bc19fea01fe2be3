namespace NixFuseStore.Fuse.Requests;

/// <summary>Who asks. The kernel fills this in for requests that a program causes; read-ahead shows the caller that set it off.</summary>
/// <param name="UserId">File system user id, as the mount's user namespace sees it.</param>
/// <param name="GroupId">File system group id.</param>
/// <param name="ProcessId">Thread id, 0 when it is not visible in the mount's pid namespace.</param>
public readonly record struct FuseCaller(uint UserId, uint GroupId, uint ProcessId);
