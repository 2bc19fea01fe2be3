using NixFuseStore.Cache;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Prefetch;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client;

/// <content>Filling the cache beforehand.</content>
public sealed partial class StoreReader
{
    /// <summary>Chunks that a prefetch waits for at a time, in each of its lanes.</summary>
    private const int PrefetchBatchChunks = 128;

    /// <summary>As many batches on their way as there are connections for bulk, and one more each to be asked for.</summary>
    private const int PrefetchLanes = 8;

    /// <summary>The cache drops what it cannot write in time; what was dropped is fetched again, so often.</summary>
    private const int PrefetchPasses = 4;

    private static readonly TimeSpan PrefetchSectionDeadline = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Fetches whatever of the paths is not in the disk cache, with as much throughput as the link gives. Readers go first meanwhile.
    /// </summary>
    /// <param name="handles">The paths, see <see cref="FindClosureAsync"/>.</param>
    /// <param name="progress">Told now and then; may be null.</param>
    /// <param name="cancellationToken">Ends the work; what was fetched stays.</param>
    /// <returns>What was done, as at the end of the progress.</returns>
    /// <exception cref="StoreClientException">There is no open cache, the server is away, or the cache does not keep what it is given.</exception>
    public async Task<PrefetchProgress> PrefetchAsync(
        IReadOnlyList<PathHandle> handles, IProgress<PrefetchProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handles);
        var cache = await _cache.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (cache is null || !cache.Status.IsOpen)
        {
            throw new StoreClientException("there is no open cache to prefetch into; see --cache-dir");
        }

        // 1. All manifests, in few requests.
        await FetchSectionsAsync(handles, cancellationToken).ConfigureAwait(false);
        var state = new PrefetchProgress(handles.Count, 0, 0, 0);
        for (var pass = 0; pass < PrefetchPasses; pass++)
        {
            // 2. What lacks: each chunk once.
            var (total, present, batches) = await FindMissingAsync(handles, cache, cancellationToken).ConfigureAwait(false);
            state = pass == 0 ? state with { BytesTotal = total, BytesPresent = present } : state;
            progress?.Report(state);
            if (batches.Count == 0)
            {
                return state;
            }

            // 3. Fetch it.
            // A later pass fetches again what the cache dropped; that counts once.
            var fetched = pass == 0 ? 0 : state.BytesTotal - state.BytesPresent - (total - present);
            await FetchBatchesAsync(
                batches,
                bytes =>
                {
                    var sum = Interlocked.Add(ref fetched, bytes);
                    progress?.Report(state with { BytesFetched = Math.Min(sum, state.BytesTotal - state.BytesPresent) });
                },
                cancellationToken).ConfigureAwait(false);
            state = state with { BytesFetched = Math.Min(fetched, state.BytesTotal - state.BytesPresent) };

            // 4. What the cache took is written by and by; only afterwards is it known what it dropped.
            await Task.Delay(TimeSpan.FromMilliseconds(200 * (pass + 1)), _time, cancellationToken).ConfigureAwait(false);
        }

        var (_, _, left) = await FindMissingAsync(handles, cache, cancellationToken).ConfigureAwait(false);
        return left.Count == 0
            ? state
            : throw new StoreClientException(
                $"the cache in {cache.Status.Directory} does not keep what it is given: {cache.Status.BypassReason ?? "it is too small or too slow"}");
    }

    private async Task FetchSectionsAsync(IReadOnlyList<PathHandle> handles, CancellationToken cancellationToken)
    {
        var wanted = new List<(ManifestHeader Header, ManifestSection Section)>();
        foreach (var handle in handles)
        {
            wanted.Add((handle.Header, ManifestSection.Tree));
            wanted.Add((handle.Header, ManifestSection.Chunks));
            wanted.Add((handle.Header, ManifestSection.Blanks));
        }

        await _health.WaitUpAsync(_options.TreeDeadline, cancellationToken).ConfigureAwait(false);
        await _sections.FetchAsync(wanted, PrefetchSectionDeadline, cancellationToken).ConfigureAwait(false);
    }

    private async Task<(long Total, long Present, List<PrefetchBatch> Batches)> FindMissingAsync(
        IReadOnlyList<PathHandle> handles, IChunkCache cache, CancellationToken cancellationToken)
    {
        var seen = new HashSet<ChunkId>();
        var batches = new List<PrefetchBatch>();
        var (total, present) = (0L, 0L);
        foreach (var handle in handles)
        {
            var content = handle.Content ?? await LoadContentOnceAsync(handle).WaitAsync(cancellationToken).ConfigureAwait(false);
            PrefetchBatch? open = null;
            for (var ordinal = 0; ordinal < content.Chunks.Count; ordinal++)
            {
                var id = content.Chunks.Id(ordinal);
                if (!seen.Add(id))
                {
                    continue;
                }

                var length = content.Chunks.Length(ordinal);
                total += length;
                if (cache.Contains(in id))
                {
                    present += length;
                    continue;
                }

                if (open is null || open.Ordinals.Count >= PrefetchBatchChunks)
                {
                    open = new PrefetchBatch(content);
                    batches.Add(open);
                }

                open.Ordinals.Add(ordinal);
                open.Bytes += length;
            }
        }

        return (total, present, batches);
    }

    private async Task FetchBatchesAsync(List<PrefetchBatch> batches, Action<long> onFetched, CancellationToken cancellationToken)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(PrefetchLanes, batches.Count)).Select(_ => RunLaneAsync())).ConfigureAwait(false);

        async Task RunLaneAsync()
        {
            while (Interlocked.Increment(ref next) is var index && index < batches.Count)
            {
                var batch = batches[index];
                var wait = new ChunkWait(batch.Ordinals.Count, keep: false);
                _fetcher.RequestForCache(batch.Content, batch.Ordinals, wait);
                try
                {
                    await wait.Done.WaitAsync(_options.ReadDeadline, _time, cancellationToken).ConfigureAwait(false);
                }
                catch (TimeoutException e)
                {
                    throw new StoreUnavailableException($"nothing came within {_options.ReadDeadline.TotalSeconds:0} s: {_health.Failure?.Message ?? "the server is slow"}", e);
                }
                finally
                {
                    foreach (var ordinal in batch.Ordinals)
                    {
                        _fetcher.Forget(batch.Content, ordinal, wait);
                    }
                }

                onFetched(batch.Bytes);
            }
        }
    }
}
