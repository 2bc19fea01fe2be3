using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>Looks valid paths up, and remembers them until something happens to them. Calls may overlap.</summary>
internal sealed class ValidPaths(IPathCatalog metadata, StoreEvents events, ServerLimits limits)
{
    /// <summary>About what an entry takes besides the manifest's header.</summary>
    private const int EntryBytes = 1024;

    private readonly StoreCache<string, StoredPath> _cache = new(events, limits.RememberedPathBytes, static path => path.ManifestHeader.Length + EntryBytes, holdsSignatures: true);

    /// <summary>The valid path with that hash part, or null. What is not valid is never remembered.</summary>
    public async ValueTask<StoredPath?> FindAsync(StoreRecord store, string hashPart, CancellationToken cancellation)
    {
        if (_cache.TryGet(store, hashPart, out var known, out var moment))
        {
            return known;
        }

        var rows = await metadata.QueryPathsAsync(store.Id, [hashPart], cancellation).ConfigureAwait(false);
        if (rows.Count == 0)
        {
            return null;
        }

        _cache.Add(store, hashPart, hashPart, rows[0], moment);
        return rows[0];
    }
}
