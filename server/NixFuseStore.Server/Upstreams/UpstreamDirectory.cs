using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using NixFuseStore.Nix;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Upstreams;

/// <summary>The upstream caches of stores, as the database has them; read again every few seconds, so that a change needs no restart.</summary>
internal sealed class UpstreamDirectory(IUpstreamCatalog catalog, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(3);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxConnectionsPerServer = 16,
        MaxAutomaticRedirections = 5,
    })
    {
        // Every request has bounds of its own.
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private readonly ConcurrentDictionary<string, UpstreamCache> _caches = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<StoreId, (long Since, UpstreamCache[] Caches, NixPublicKey[] Keys)> _byStore = new();

    /// <summary>
    /// Asks the caches of a store, in their order and without those that failed lately, for a path that one of the trusted keys has signed.
    /// </summary>
    /// <returns>One result for each cache that has it. Enumerated while they are used, so the next is asked only when the last was of no use.</returns>
    public async IAsyncEnumerable<UpstreamPath> FindAsync(
        StoreRecord store, string hashPart, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var (caches, keys) = await GetAsync(store, cancellation).ConfigureAwait(false);
        var directory = new StoreDirectory(store.StoreDirectory);
        foreach (var cache in caches.Where(cache => !cache.IsLeftOut))
        {
            UpstreamPath? found = null;
            try
            {
                // Who signed the record answers for its references and its hash; the cache itself answers for nothing.
                if (await cache.FindAsync(hashPart, directory, cancellation).ConfigureAwait(false) is { } info && info.Info.IsSignedByAny(directory, keys))
                {
                    found = new UpstreamPath(cache, info);
                }
            }
            catch (UpstreamException e)
            {
                cache.Fail(e.Message);
            }

            if (found is not null)
            {
                yield return found;
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private async ValueTask<(UpstreamCache[] Caches, NixPublicKey[] Keys)> GetAsync(StoreRecord store, CancellationToken cancellation)
    {
        if (_byStore.TryGetValue(store.Id, out var known) && time.GetElapsedTime(known.Since) < RememberedFor)
        {
            return (known.Caches, known.Keys);
        }

        var settings = await catalog.GetUpstreamsAsync(store.Id, cancellation).ConfigureAwait(false);
        var keys = new List<NixPublicKey>();
        foreach (var text in settings.TrustedPublicKeys)
        {
            if (NixPublicKey.TryParse(text, out var key))
            {
                keys.Add(key!);
            }
            else
            {
                logger.UpstreamSettingUnusable(store.Name, text, "it is no public key");
            }
        }

        UpstreamCache[] caches = [.. settings.Urls.Select(url => _caches.GetOrAdd(url, url => new UpstreamCache(url, _http, time, logger)))];
        _byStore[store.Id] = (time.GetTimestamp(), caches, [.. keys]);
        return (caches, [.. keys]);
    }
}
