namespace NixFuseStore.Content;

/// <summary>The parts of a manifest that are named by digest, stored once and fetched apart from its header.</summary>
public enum ManifestSection
{
    /// <summary>Names, kinds, sizes and link targets: <see cref="ManifestTree"/>.</summary>
    Tree = 0,

    /// <summary>Ids and lengths of the chunks in stream order: <see cref="ChunkList"/>.</summary>
    Chunks = 1,

    /// <summary>Where in the stream which of the header's store hashes stand: <see cref="BlankList"/>.</summary>
    Blanks = 2,
}
