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
