namespace NixFuseStore.Storage.Metadata;

/// <summary>How a chunk's stored bytes are to be read. The numbers are those of the data plane and of packs.</summary>
public enum ChunkEncoding : byte
{
    /// <summary>As they are.</summary>
    Plain = 0,

    /// <summary>One zstd frame.</summary>
    Zstd = 1,
}
