using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Reading what is valid. Each call sees one moment of the database.</summary>
public interface IPathCatalog
{
    /// <summary>The valid paths with these hash parts (32 characters each), in no order; others are left out. One statement.</summary>
    Task<IReadOnlyList<StoredPath>> QueryPathsAsync(
        StoreId store, IReadOnlyCollection<string> hashParts, CancellationToken cancellationToken = default);

    /// <summary>
    /// Every valid path whose base name begins with <paramref name="prefix"/> and comes after <paramref name="after"/>,
    /// in bytewise order of base names and in batches that are never empty.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="prefix">Empty for all.</param>
    /// <param name="after">Base name to go on behind; empty to begin.</param>
    /// <param name="limit">0 for all.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    /// <remarks>Batches are read one by one, so a long listing may mix moments: ask for the head event first.</remarks>
    IAsyncEnumerable<IReadOnlyList<PathListEntry>> ListPathsAsync(
        StoreId store, string prefix, string after, int limit, CancellationToken cancellationToken = default);

    /// <summary>The closure of the paths with these hash parts.</summary>
    /// <param name="store">The store.</param>
    /// <param name="hashParts">32 characters each.</param>
    /// <param name="maxPaths">At most this many paths; nearest first are kept.</param>
    /// <param name="withReferences">False for only the named paths themselves.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<PathClosure> GetClosureAsync(
        StoreId store,
        IReadOnlyCollection<string> hashParts,
        int maxPaths,
        bool withReferences = true,
        CancellationToken cancellationToken = default);

    /// <summary>Valid paths that refer to these paths, ascending within each; one that refers to itself is its own referrer.</summary>
    Task<ILookup<StorePath, StorePath>> GetReferrersAsync(
        StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken = default);

    /// <summary>The sections that manifests of valid paths of the store hold; others are left out. Each section once.</summary>
    Task<IReadOnlyList<StoredSection>> GetSectionsAsync(
        StoreId store, IReadOnlyCollection<SectionName> names, CancellationToken cancellationToken = default);

    /// <summary>
    /// All sections of at most <paramref name="plainBytesMax"/> plain bytes of these manifests, each section once. The access check is
    /// the caller's: it just read the manifests from <see cref="GetClosureAsync"/>.
    /// </summary>
    Task<IReadOnlyList<(ManifestDigest Manifest, StoredSection Section)>> GetSmallSectionsAsync(
        IReadOnlyCollection<ManifestDigest> manifests, int plainBytesMax, CancellationToken cancellationToken = default);

    /// <summary>Where the chunks of these manifests lie; manifests of no valid path of the store are left out.</summary>
    Task<IReadOnlyList<ManifestLocations>> GetLocationsAsync(
        StoreId store, IReadOnlyCollection<ManifestDigest> manifests, CancellationToken cancellationToken = default);

    /// <summary>What the database holds, for status pages and benchmarks.</summary>
    Task<MetadataStatistics> GetStatisticsAsync(CancellationToken cancellationToken = default);
}
