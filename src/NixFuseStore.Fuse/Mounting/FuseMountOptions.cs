namespace NixFuseStore.Fuse.Mounting;

/// <summary>How to mount.</summary>
public sealed record FuseMountOptions
{
    /// <summary>What the mount table shows as the source, such as the server's address. Commas are not allowed.</summary>
    public string Source { get; init; } = "nixfuse";

    /// <summary>Shown after the dot of the type: <c>fuse.nixfuse</c>.</summary>
    public string Subtype { get; init; } = "nixfuse";

    /// <summary>
    /// Whether other users see into the mount. For an ordinary user this needs <c>user_allow_other</c> in /etc/fuse.conf;
    /// without it, see <see cref="FuseMount.AllowsOthers"/>.
    /// </summary>
    public bool AllowOther { get; init; } = true;

    /// <summary>Mount over a directory that is not empty.</summary>
    public bool AllowNonEmpty { get; init; }
}

/// <summary>A mount as it is handed from one process to the next, beside its <c>/dev/fuse</c>.</summary>
/// <param name="Path">Where it is, absolute and without symbolic links.</param>
/// <param name="DeviceNumber">Its file system's device, MAJOR:MINOR, by which the mount table tells it from another at the same place.</param>
/// <param name="AllowsOthers">Whether other users see into it.</param>
/// <param name="IsUnprivileged">Mounted by <c>fusermount3</c> for an ordinary user.</param>
public sealed record FuseMountState(string Path, string DeviceNumber, bool AllowsOthers, bool IsUnprivileged);
