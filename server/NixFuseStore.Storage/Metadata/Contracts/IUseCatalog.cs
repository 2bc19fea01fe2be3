using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Which chunks are read, so that those who come later can fetch them together. A hint on which nothing else depends: it may be lost.</summary>
public interface IUseCatalog
{
    /// <summary>Merges what was read. Manifests of no valid path of the store are passed over, and so are ordinals that a manifest lacks.</summary>
    Task ReportUseAsync(StoreId store, IReadOnlyCollection<ChunkUse> uses, CancellationToken cancellationToken = default);

    /// <summary>
    /// What is read often or of late of these manifests; those of which nothing is known are left out. The access check is the caller's: it
    /// just read the manifests from <see cref="IPathCatalog.GetClosureAsync"/>.
    /// </summary>
    /// <returns>Runs in ascending order, none touching another.</returns>
    Task<IReadOnlyDictionary<ManifestDigest, IReadOnlyList<ChunkRun>>> GetUsedChunksAsync(
        StoreId store, IReadOnlyCollection<ManifestDigest> manifests, CancellationToken cancellationToken = default);
}
