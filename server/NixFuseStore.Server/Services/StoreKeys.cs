using System.Collections.Concurrent;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Services;

/// <summary>The signing keys of stores, read again every few seconds, so that a rotated key is used soon by every server.</summary>
internal sealed class StoreKeys(IStoreCatalog catalog, TimeProvider time)
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<StoreId, (long Since, IReadOnlyList<SigningKeyRecord> Keys)> _byStore = new();

    /// <summary>The keys, newest first; never empty.</summary>
    public async ValueTask<IReadOnlyList<SigningKeyRecord>> GetAsync(StoreId store, CancellationToken cancellation)
    {
        if (_byStore.TryGetValue(store, out var known) && time.GetElapsedTime(known.Since) < RememberedFor)
        {
            return known.Keys;
        }

        var keys = await catalog.GetSigningKeysAsync(store, cancellation).ConfigureAwait(false);
        _byStore[store] = (time.GetTimestamp(), keys);
        return keys;
    }
}
