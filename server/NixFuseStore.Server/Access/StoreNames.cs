using System.Collections.Concurrent;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Access;

/// <summary>Stores by name. What a store was created with never changes, so a store found once is remembered; a missing one is asked for each time.</summary>
internal sealed class StoreNames(IStoreCatalog catalog)
{
    private readonly ConcurrentDictionary<string, StoreRecord> _byName = new(StringComparer.Ordinal);

    public async ValueTask<StoreRecord?> FindAsync(string name, CancellationToken cancellation)
    {
        if (_byName.TryGetValue(name, out var known))
        {
            return known;
        }

        var record = await catalog.FindStoreAsync(name, cancellation).ConfigureAwait(false);
        if (record is not null)
        {
            _byName[name] = record;
        }

        return record;
    }
}
