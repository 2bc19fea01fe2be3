namespace NixFuseStore.Fuse.Requests;

/// <summary>UNLINK: removal of a name, here that of a socket.</summary>
public readonly ref struct UnlinkRequest
{
    /// <summary>Describes a removal.</summary>
    public UnlinkRequest(ulong parent, ReadOnlySpan<byte> name, FuseCaller caller)
    {
        Parent = parent;
        Name = name;
        Caller = caller;
    }

    /// <summary>The directory's node.</summary>
    public ulong Parent { get; }

    /// <summary>The name, 1 to 255 bytes; valid only during the call.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Who asks.</summary>
    public FuseCaller Caller { get; }
}
