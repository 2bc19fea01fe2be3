namespace NixFuseStore.Fuse.Requests;

/// <summary>MKNOD: what bind(2) of a unix socket sends; the only kind of creation that reaches a file system here.</summary>
public readonly ref struct MakeNodeRequest
{
    /// <summary>Describes a node to be made.</summary>
    public MakeNodeRequest(ulong parent, ReadOnlySpan<byte> name, uint mode, uint userMask, FuseCaller caller)
    {
        Parent = parent;
        Name = name;
        Mode = mode;
        UserMask = userMask;
        Caller = caller;
    }

    /// <summary>The directory's node.</summary>
    public ulong Parent { get; }

    /// <summary>The new name, 1 to 255 bytes; valid only during the call.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Type and permissions, with <see cref="UserMask"/> already applied by the kernel.</summary>
    public uint Mode { get; }

    /// <summary>The caller's umask.</summary>
    public uint UserMask { get; }

    /// <summary>Who asks.</summary>
    public FuseCaller Caller { get; }
}
