using NixFuseStore.Content;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>
/// Where the chunks of recently read manifests lie, by store, because being there is also the access check: the database gives the
/// places only for manifests of paths that are valid in the store. Calls may overlap.
/// </summary>
internal sealed class LocationCache(IMetadataStore metadata, ChunkVerifier verifier, StoreEvents events, ServerLimits limits)
{
    // Weighs chunks, and something for the entry itself.
    private readonly StoreCache<ManifestDigest, IReadOnlyList<ChunkLocation>> _cache =
        new(events, limits.RememberedLocationsMax, static chunks => chunks.Count + 8, holdsSignatures: false);

    /// <summary>Forgets places where chunks are no longer.</summary>
    public void Forget(StoreRecord store, ManifestDigest manifest) => _cache.Remove(store, manifest);

    /// <summary>The places of the chunks of each manifest; null for a manifest that no valid path of the store has.</summary>
    public async ValueTask<IReadOnlyList<ChunkLocation>?[]> GetAsync(
        StoreRecord store, IReadOnlyList<ManifestDigest> manifests, CancellationToken cancellation)
    {
        var found = new IReadOnlyList<ChunkLocation>?[manifests.Count];
        Dictionary<ManifestDigest, long>? unknown = null;
        for (var i = 0; i < found.Length; i++)
        {
            if (!_cache.TryGet(store, manifests[i], out found[i], out var moment))
            {
                (unknown ??= []).TryAdd(manifests[i], moment);
            }
        }

        if (unknown is null)
        {
            return found;
        }

        var loaded = (await metadata.GetLocationsAsync(store.Id, unknown.Keys, cancellation).ConfigureAwait(false)).ToDictionary(l => l.Manifest);
        foreach (var (manifest, locations) in loaded.Where(pair => pair.Value.Chunks.Any(static place => !place.Sum.IsKnown)).ToArray())
        {
            // Chunks in old packs, met for the first time.
            var places = await verifier.CompleteSumsAsync(store.Id, manifest, locations.Chunks, cancellation).ConfigureAwait(false);
            loaded[manifest] = locations with { Chunks = places };
        }

        for (var i = 0; i < found.Length; i++)
        {
            found[i] ??= loaded.GetValueOrDefault(manifests[i])?.Chunks;
        }

        // What was read before a removal may be of a path that is gone: the cache does not take it then.
        foreach (var (manifest, locations) in loaded)
        {
            _cache.Add(store, manifest, locations.HashPart, locations.Chunks, unknown[manifest]);
        }

        return found;
    }
}
