using System.Collections.Concurrent;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Access;

/// <summary>
/// Stores by name. What a store was created with never changes, so a store found once is remembered, unless its database is set back; a missing
/// one is asked for each time.
/// </summary>
internal sealed class StoreNames
{
    private readonly IStoreCatalog _catalog;
    private readonly ConcurrentDictionary<string, StoreRecord> _byName = new(StringComparer.Ordinal);

    public StoreNames(IStoreCatalog catalog, StoreEvents events)
    {
        _catalog = catalog;
        events.Lost += Forget;
    }

    public async ValueTask<StoreRecord?> FindAsync(string name, CancellationToken cancellation)
    {
        if (_byName.TryGetValue(name, out var known))
        {
            return known;
        }

        // A name that no store can have is not asked for: it may hold characters that a database takes amiss.
        if (!StoreName.IsValid(name))
        {
            return null;
        }

        var record = await _catalog.FindStoreAsync(name, cancellation).ConfigureAwait(false);
        if (record is not null)
        {
            _byName[name] = record;
        }

        return record;
    }

    private void Forget(StoreId store)
    {
        foreach (var (name, record) in _byName)
        {
            if (record.Id == store)
            {
                _byName.TryRemove(name, out _);
            }
        }
    }
}
