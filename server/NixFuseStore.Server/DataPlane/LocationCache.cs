using System.Collections.Concurrent;
using NixFuseStore.Content;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.DataPlane;

/// <summary>
/// Where the chunks of recently read manifests lie, by store, because being there is also the access check: the database gives the
/// places only for manifests of paths that are valid in the store. Least recently used ones go first. When a store loses paths, all
/// that is remembered of it is dropped. Calls may overlap.
/// </summary>
internal sealed class LocationCache(IMetadataStore metadata, ServerLimits limits, ILogger logger, CancellationToken stopping)
{
    private static readonly TimeSpan WaitForEvents = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    // _lock guards _entries, _order, _chunks and _generations.
    private readonly Lock _lock = new();
    private readonly Dictionary<(StoreId, ManifestDigest), LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _order = new();
    private readonly Dictionary<StoreId, int> _generations = [];
    private readonly ConcurrentDictionary<StoreId, Task> _followers = new();
    private long _chunks;

    /// <summary>The places of the chunks of each manifest; null for a manifest that no valid path of the store has.</summary>
    public async ValueTask<IReadOnlyList<ChunkLocation>?[]> GetAsync(
        StoreRecord store, IReadOnlyList<ManifestDigest> manifests, CancellationToken cancellation)
    {
        _ = _followers.GetOrAdd(store.Id, static (_, arguments) => arguments.Cache.FollowAsync(arguments.Store), (Cache: this, Store: store));
        var found = new IReadOnlyList<ChunkLocation>?[manifests.Count];
        int generation;
        HashSet<ManifestDigest>? unknown = null;
        lock (_lock)
        {
            generation = _generations.GetValueOrDefault(store.Id);
            for (var i = 0; i < found.Length; i++)
            {
                if (_entries.TryGetValue((store.Id, manifests[i]), out var node))
                {
                    _order.Remove(node);
                    _order.AddFirst(node);
                    found[i] = node.Value.Chunks;
                }
                else
                {
                    (unknown ??= []).Add(manifests[i]);
                }
            }
        }

        if (unknown is null)
        {
            return found;
        }

        var loaded = (await metadata.GetLocationsAsync(store.Id, unknown, cancellation).ConfigureAwait(false)).ToDictionary(l => l.Manifest, l => l.Chunks);
        for (var i = 0; i < found.Length; i++)
        {
            found[i] ??= loaded.GetValueOrDefault(manifests[i]);
        }

        Remember(store.Id, loaded, generation);
        return found;
    }

    private void Remember(StoreId store, Dictionary<ManifestDigest, IReadOnlyList<ChunkLocation>> loaded, int generation)
    {
        lock (_lock)
        {
            // What was read before a removal may be of a path that is gone.
            if (_generations.GetValueOrDefault(store) != generation)
            {
                return;
            }

            foreach (var (manifest, chunks) in loaded)
            {
                var node = new LinkedListNode<Entry>(new Entry((store, manifest), chunks));
                if (_entries.TryAdd(node.Value.Key, node))
                {
                    _order.AddFirst(node);
                    _chunks += node.Value.Weight;
                }
            }

            while (_chunks > limits.RememberedLocationsMax && _order.Last is { } last)
            {
                Drop(last);
            }
        }
    }

    private void Drop(LinkedListNode<Entry> node)
    {
        _order.Remove(node);
        _entries.Remove(node.Value.Key);
        _chunks -= node.Value.Weight;
    }

    private void Forget(StoreId store)
    {
        lock (_lock)
        {
            _generations[store] = _generations.GetValueOrDefault(store) + 1;
            for (var node = _order.First; node is not null;)
            {
                var next = node.Next;
                if (node.Value.Key.Store == store)
                {
                    Drop(node);
                }

                node = next;
            }
        }
    }

    /// <summary>Runs until the server stops: forgets a store's places whenever paths are removed from it.</summary>
    private async Task FollowAsync(StoreRecord store)
    {
        ulong? after = null;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (after is null)
                {
                    after = await metadata.GetHeadEventAsync(store.Id, stopping).ConfigureAwait(false);
                    Forget(store.Id);
                }

                await metadata.WaitForEventsAsync(store.Id, after.Value, WaitForEvents, stopping).ConfigureAwait(false);
                var page = await metadata.ReadEventsAsync(store.Id, after.Value, limit: 1_000, stopping).ConfigureAwait(false);
                if (page.Resync || page.Events.Any(e => e.Kind == StoreEventKind.Removed))
                {
                    Forget(store.Id);
                }

                after = page.Resync ? page.Head : page.Events.Count > 0 ? page.Events[^1].Number : after;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // whatever goes wrong here, going on without the events would mean serving removed paths
            catch (Exception e)
#pragma warning restore CA1031
            {
                // During an outage places stay good, as nobody can remove paths; afterwards everything is asked for again.
                logger.EventsUnreadable(store.Name, e.Message);
                after = null;
                await Task.Delay(RetryAfter, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private sealed record Entry((StoreId Store, ManifestDigest Manifest) Key, IReadOnlyList<ChunkLocation> Chunks)
    {
        /// <summary>Chunks, and something for the entry itself.</summary>
        public long Weight => Chunks.Count + 8;
    }
}
