using System.Threading.RateLimiting;
using NixFuseStore.Content;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Ingest;

/// <summary>
/// Stores the chunks of a NAR while it comes in: some groups of them are compressed and written while the next is being cut. They are
/// compressed all at once, but stored in their order, which keeps neighbours together.
/// </summary>
internal sealed class CutChunkStore(
    IChunkIndex index, ChunkStore chunks, StoreRecord store, ChunkScope scope, int compressionLevel, ConcurrencyLimiter groups, ServerLimits limits)
    : IChunkSink, IAsyncDisposable
{
    private readonly Queue<Task> _underWay = [];
    private CutChunks _filling = new(limits.CutGroupBytes);

    // Ends when the group handed on last stands in the storage's queue.
    private Task _queued = Task.CompletedTask;

    /// <inheritdoc/>
    public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain) => _filling.Add(id, plain);

    /// <summary>Hands a full group on; waits where too many are under way. To be called often.</summary>
    public ValueTask StoreFullAsync(CancellationToken cancellation) =>
        _filling.IsFull ? new ValueTask(HandOnAsync(cancellation)) : ValueTask.CompletedTask;

    /// <summary>Stores what is left. All chunks are durable afterwards.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        await HandOnAsync(cancellation).ConfigureAwait(false);
        while (_underWay.TryPeek(out var oldest))
        {
            await oldest.ConfigureAwait(false);
            _ = _underWay.Dequeue();
        }
    }

    public async ValueTask DisposeAsync()
    {
        // The buffers are the storage's until it is done with them, even where the upload has failed.
        while (_underWay.TryDequeue(out var group))
        {
            await group.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _filling.Dispose();
    }

    private async Task HandOnAsync(CancellationToken cancellation)
    {
        // One group may always be under way; more take a place among those of all NARs.
        RateLimitLease? place = null;
        while (_underWay.TryPeek(out var oldest))
        {
            if (!oldest.IsCompleted && (place = groups.AttemptAcquire()).IsAcquired)
            {
                break;
            }

            await oldest.ConfigureAwait(false);
            _ = _underWay.Dequeue();
        }

        var group = _filling;
        var before = _queued;
        var queued = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _filling = new CutChunks(limits.CutGroupBytes);
        _queued = queued.Task;
        _underWay.Enqueue(Task.Run(() => StoreAsync(group, before, queued, place, cancellation), CancellationToken.None));
    }

    private async Task StoreAsync(CutChunks group, Task before, TaskCompletionSource queued, RateLimitLease? place, CancellationToken cancellation)
    {
        using (group)
        {
            try
            {
                var missing = await FindMissingAsync(group, cancellation).ConfigureAwait(false);
                using var encoded = new EncodedChunks(group, missing, compressionLevel, cancellation);
                await before.ConfigureAwait(false);
                var storing = chunks.StoreAsync(store.Id, encoded.Uploads, cancellation);
                queued.SetResult();
                await storing.ConfigureAwait(false);
            }
            finally
            {
                // The next caller goes on; the failure is told where this group is waited for.
                queued.TrySetResult();
                place?.Dispose();
            }
        }
    }

    private async Task<bool[]> FindMissingAsync(CutChunks group, CancellationToken cancellation)
    {
        var ids = new ChunkId[group.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = group.Id(i);
        }

        // What is there is looked at, as it is not going to be stored: these bytes may be the good ones.
        var places = await index.FindChunksAsync(scope, ids, cancellation).ConfigureAwait(false);
        var missing = Array.ConvertAll(places, place => place is null);
        IndexedChunk[] present = [.. ids.Zip(places).Where(pair => pair.Second is not null).Select(pair => new IndexedChunk(pair.First, pair.Second!.Value))];
        if (present.Length > 0)
        {
            var damaged = (await chunks.Verifier.FindDamagedAsync(present, cancellation).ConfigureAwait(false)).Select(chunk => chunk.Id).ToHashSet();
            for (var i = 0; i < missing.Length; i++)
            {
                missing[i] |= damaged.Contains(ids[i]);
            }
        }

        return missing;
    }
}
