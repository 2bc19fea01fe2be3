namespace NixFuseStore.Protocol.DataPlane;

/// <summary>What became of one chunk that was asked for. Anything but <see cref="Ok"/> comes without bytes.</summary>
public enum FrameStatus : byte
{
    /// <summary>The chunk follows.</summary>
    Ok = 0,

    /// <summary>No path that the caller may read has this manifest (any more).</summary>
    NoSuchManifest = 1,

    /// <summary>The manifest has fewer chunks.</summary>
    NoSuchOrdinal = 2,

    /// <summary>The chunk should be there, but the server could not read it now.</summary>
    Unreadable = 3,
}
