namespace NixFuseStore.Fuse.Requests;

/// <summary>LOOKUP: which node has this name? Also asked for "." and "..", on nodes that file handles (NFS, overlayfs) name.</summary>
public readonly ref struct LookupRequest
{
    /// <summary>Describes a lookup.</summary>
    public LookupRequest(ulong parent, ReadOnlySpan<byte> name, FuseCaller caller)
    {
        Parent = parent;
        Name = name;
        Caller = caller;
    }

    /// <summary>The directory's node; for "." the node itself, which need not be a directory.</summary>
    public ulong Parent { get; }

    /// <summary>The name without terminator, 1 to 255 bytes; valid only during the call.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Who asks.</summary>
    public FuseCaller Caller { get; }
}
