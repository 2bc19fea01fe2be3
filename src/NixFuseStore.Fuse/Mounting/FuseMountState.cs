namespace NixFuseStore.Fuse.Mounting;

/// <summary>A mount as it is handed from one process to the next, beside its <c>/dev/fuse</c>.</summary>
/// <param name="Path">Where it is, absolute and without symbolic links.</param>
/// <param name="DeviceNumber">Its file system's device, MAJOR:MINOR, by which the mount table tells it from another at the same place.</param>
/// <param name="AllowsOthers">Whether other users see into it.</param>
/// <param name="IsUnprivileged">Mounted by <c>fusermount3</c> for an ordinary user.</param>
public sealed record FuseMountState(string Path, string DeviceNumber, bool AllowsOthers, bool IsUnprivileged);
