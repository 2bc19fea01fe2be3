using NixFuseStore.Cache;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Prefetch;

/// <summary>Fills the disk cache with whole paths, because a user asked for it. Any thread.</summary>
/// <param name="cache">The disk cache; its result null: none.</param>
/// <param name="health">The server's presence.</param>
/// <param name="sections">Brings manifests.</param>
/// <param name="contents">Opens chunk lists.</param>
/// <param name="chunks">Brings chunks.</param>
/// <param name="serverDeadline">How long a server that is away is waited for.</param>
/// <param name="batchDeadline">How long a batch of chunks may take.</param>
/// <param name="time">Clock.</param>
internal sealed class ExplicitPrefetch(
    Task<IChunkCache?> cache,
    ServerHealth health,
    SectionFetcher sections,
    ContentLoader contents,
    ChunkFetcher chunks,
    TimeSpan serverDeadline,
    TimeSpan batchDeadline,
    TimeProvider time)
{
    /// <summary>Chunks that are waited for at a time, in each of the lanes.</summary>
    private const int BatchChunks = 128;

    /// <summary>As many batches on their way as there are connections for bulk, and one more each to be asked for.</summary>
    private const int Lanes = 8;

    /// <summary>The cache drops what it cannot write in time; what was dropped is fetched again, so often.</summary>
    private const int Passes = 4;

    private static readonly TimeSpan SectionDeadline = TimeSpan.FromSeconds(60);

    /// <summary>What the cache took is written later; this is waited for after the first pass, and as much more after each.</summary>
    private static readonly TimeSpan WriteTime = TimeSpan.FromMilliseconds(200);

    /// <summary>See <see cref="StoreReader.PrefetchAsync"/>.</summary>
    public async Task<PrefetchProgress> FetchAsync(
        IReadOnlyList<PathHandle> handles, IProgress<PrefetchProgress>? progress, CancellationToken cancellationToken)
    {
        var open = await cache.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (open is null || !open.Status.IsOpen)
        {
            throw new StoreClientException("there is no open cache to prefetch into; see --cache-dir");
        }

        // 1. All manifests, in few requests.
        await FetchSectionsAsync(handles, cancellationToken).ConfigureAwait(false);
        var state = new PrefetchProgress(handles.Count, 0, 0, 0);
        for (var pass = 0; pass < Passes; pass++)
        {
            // 2. What lacks: each chunk once.
            var (total, present, batches) = await FindMissingAsync(handles, open, cancellationToken).ConfigureAwait(false);
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

            // 4. Only after it has written is it known what the cache dropped.
            await Task.Delay(WriteTime * (pass + 1), time, cancellationToken).ConfigureAwait(false);
        }

        var (_, _, left) = await FindMissingAsync(handles, open, cancellationToken).ConfigureAwait(false);
        return left.Count == 0
            ? state
            : throw new StoreClientException(
                $"the cache in {open.Status.Directory} does not keep what it is given: {open.Status.BypassReason ?? "it is too small or too slow"}");
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

        await health.WaitUpAsync(serverDeadline, cancellationToken).ConfigureAwait(false);
        await sections.FetchAsync(wanted, SectionDeadline, cancellationToken).ConfigureAwait(false);
    }

    private async Task<(long Total, long Present, List<PrefetchBatch> Batches)> FindMissingAsync(
        IReadOnlyList<PathHandle> handles, IChunkCache open, CancellationToken cancellationToken)
    {
        var seen = new HashSet<ChunkId>();
        var batches = new List<PrefetchBatch>();
        var (total, present) = (0L, 0L);
        foreach (var handle in handles)
        {
            var content = handle.Content ?? await contents.LoadContentAsync(handle).WaitAsync(cancellationToken).ConfigureAwait(false);
            PrefetchBatch? batch = null;
            for (var ordinal = 0; ordinal < content.Chunks.Count; ordinal++)
            {
                var id = content.Chunks.Id(ordinal);
                if (!seen.Add(id))
                {
                    continue;
                }

                var length = content.Chunks.Length(ordinal);
                total += length;
                if (open.Contains(in id))
                {
                    present += length;
                    continue;
                }

                if (batch is null || batch.Ordinals.Count >= BatchChunks)
                {
                    batch = new PrefetchBatch(content);
                    batches.Add(batch);
                }

                batch.Ordinals.Add(ordinal);
                batch.Bytes += length;
            }
        }

        return (total, present, batches);
    }

    private async Task FetchBatchesAsync(List<PrefetchBatch> batches, Action<long> onFetched, CancellationToken cancellationToken)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(Lanes, batches.Count)).Select(_ => RunLaneAsync())).ConfigureAwait(false);

        async Task RunLaneAsync()
        {
            while (Interlocked.Increment(ref next) is var index && index < batches.Count)
            {
                await FetchBatchAsync(batches[index], cancellationToken).ConfigureAwait(false);
                onFetched(batches[index].Bytes);
            }
        }
    }

    private async Task FetchBatchAsync(PrefetchBatch batch, CancellationToken cancellationToken)
    {
        var wait = new ChunkWait(batch.Ordinals.Count, keep: false);
        chunks.RequestForCache(batch.Content, batch.Ordinals, wait);
        try
        {
            await wait.Done.WaitAsync(batchDeadline, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new StoreUnavailableException($"nothing came within {batchDeadline.TotalSeconds:0} s: {health.Failure?.Message ?? "the server is slow"}", e);
        }
        finally
        {
            chunks.Forget(batch.Content, batch.Ordinals, wait);
        }
    }
}
