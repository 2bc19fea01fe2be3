using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Upstreams;

/// <summary>The upstream caches of stores, as the database has them; read again every few seconds, so that a change needs no restart.</summary>
internal sealed class UpstreamDirectory(IUpstreamCatalog catalog, UpstreamHttp http, TimeProvider time, ServerMetrics metrics, ILogger logger)
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<string, UpstreamCache> _caches = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<StoreId, (long Since, UpstreamCache[] Caches, NixPublicKey[] Keys)> _byStore = new();

    /// <summary>Whether the store has any upstream cache.</summary>
    public async ValueTask<bool> AnyAsync(StoreRecord store, CancellationToken cancellation) =>
        (await GetAsync(store, cancellation).ConfigureAwait(false)).Caches.Length > 0;

    /// <summary>
    /// Asks the caches of a store, in their order and without those that rest, for a path that one of the trusted keys has signed.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="hashPart">The path.</param>
    /// <param name="failures">Gets a line for each cache that could not be asked, or whose answer cannot be used.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>One result for each cache that has it. Enumerated while they are used, so the next is asked only when the last was of no use.</returns>
    public async IAsyncEnumerable<UpstreamPath> FindAsync(
        StoreRecord store, string hashPart, ICollection<string> failures, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (caches, keys) = await GetAsync(store, cancellation).ConfigureAwait(false);
        var directory = new StoreDirectory(store.StoreDirectory);
        foreach (var cache in caches)
        {
            if (cache.IsResting)
            {
                failures.Add($"{cache.Url} could not be reached and is not asked for a while");
                continue;
            }

            UpstreamPath? found = null;
            try
            {
                // Who signed the record answers for its references and its hash; the cache itself answers for nothing.
                if (await cache.FindAsync(hashPart, directory, cancellation).ConfigureAwait(false) is { } info)
                {
                    if (info.Info.IsSignedByAny(directory, keys))
                    {
                        found = new UpstreamPath(cache, info);
                    }
                    else
                    {
                        failures.Add($"{cache.Url}: no key that the store trusts has signed {info.Info.Path}");
                    }
                }
            }
            catch (UpstreamException e)
            {
                failures.Add($"{cache.Url}: {e.Message}");
                await cache.FailAsync(hashPart, directory, e, cancellation).ConfigureAwait(false);
            }

            if (found is not null)
            {
                yield return found;
            }
        }
    }

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

        var caches = new List<UpstreamCache>();
        foreach (var url in settings.Urls)
        {
            try
            {
                caches.Add(_caches.GetOrAdd(url, url => new UpstreamCache(UpstreamAddress.Parse(url), http, time, metrics, logger)));
            }
            catch (FormatException)
            {
                logger.UpstreamSettingUnusable(store.Name, UpstreamAddress.Hide(url), "it is no URL of a binary cache");
            }
        }

        _byStore[store.Id] = (time.GetTimestamp(), [.. caches], [.. keys]);
        return ([.. caches], [.. keys]);
    }
}
