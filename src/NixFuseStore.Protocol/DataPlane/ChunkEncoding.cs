namespace NixFuseStore.Protocol.DataPlane;

/// <summary>How a chunk's bytes travel.</summary>
public enum ChunkEncoding : byte
{
    /// <summary>As they are.</summary>
    Plain = 0,

    /// <summary>One zstd frame.</summary>
    Zstd = 1,
}
