namespace NixFuseStore.Storage.Metadata;

/// <summary>What the database holds, over all stores.</summary>
/// <param name="Paths">Valid paths.</param>
/// <param name="Manifests">Manifests.</param>
/// <param name="Sections">Manifest sections.</param>
/// <param name="SectionBytes">Stored bytes of them.</param>
/// <param name="Chunks">Indexed chunks.</param>
/// <param name="ChunkBytes">Stored bytes of them.</param>
/// <param name="Packs">Packs, open and sealed.</param>
/// <param name="DatabaseBytes">Size of the database on disk as the database tells it.</param>
public sealed record MetadataStatistics(
    long Paths, long Manifests, long Sections, long SectionBytes, long Chunks, long ChunkBytes, long Packs, long DatabaseBytes);
