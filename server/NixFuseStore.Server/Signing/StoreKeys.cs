using System.Collections.Concurrent;
using NixFuseStore.Nix;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Signing;

/// <summary>The signing keys of stores, read again every few seconds, so that a rotated key is used soon by every server.</summary>
internal sealed class StoreKeys(IStoreCatalog catalog, TimeProvider time)
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<StoreId, Known> _byStore = new();

    /// <summary>The keys, newest first; never empty.</summary>
    public async ValueTask<IReadOnlyList<SigningKeyRecord>> GetAsync(StoreId store, CancellationToken cancellation) =>
        (await ReadAsync(store, cancellation).ConfigureAwait(false)).Keys;

    /// <summary>The newest key, which signs.</summary>
    public async ValueTask<NixSecretKey> GetSignerAsync(StoreId store, CancellationToken cancellation) =>
        (await ReadAsync(store, cancellation).ConfigureAwait(false)).Signer;

    private async ValueTask<Known> ReadAsync(StoreId store, CancellationToken cancellation)
    {
        if (_byStore.TryGetValue(store, out var known) && time.GetElapsedTime(known.Since) < RememberedFor)
        {
            return known;
        }

        var keys = await catalog.GetSigningKeysAsync(store, cancellation).ConfigureAwait(false);
        return _byStore[store] = new Known(time.GetTimestamp(), keys, NixSecretKey.Parse(keys[0].SecretKey));
    }

    private sealed record Known(long Since, IReadOnlyList<SigningKeyRecord> Keys, NixSecretKey Signer);
}
