using NixFuseStore.Content;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Server.Registration;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>Stores the chunks of a NAR while it comes in: one group of them is compressed and written while the next is being cut.</summary>
internal sealed class CutChunkStore(IChunkIndex index, ChunkStore chunks, StoreRecord store, ChunkScope scope, ServerLimits limits)
    : IChunkSink, IAsyncDisposable
{
    /// <summary>What clients push with by default; most of an upload's time goes into the other steps.</summary>
    private const int CompressionLevel = 3;

    private CutChunks _filling = new(limits.UploadGroupBytes);
    private CutChunks? _storing;
    private Task _stored = Task.CompletedTask;

    /// <inheritdoc/>
    public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain) => _filling.Add(id, plain);

    /// <summary>Hands a full group on; waits for the one before it. To be called often.</summary>
    public ValueTask StoreFullAsync(CancellationToken cancellation) =>
        _filling.IsFull ? new ValueTask(StoreAsync(cancellation)) : ValueTask.CompletedTask;

    /// <summary>Stores what is left. All chunks are durable afterwards.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        await StoreAsync(cancellation).ConfigureAwait(false);
        await _stored.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        // The buffers are the storage's until it is done with them, even where the upload has failed.
        await _stored.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).ConfigureAwait(false);
        _storing?.Dispose();
        _filling.Dispose();
    }

    private async Task StoreAsync(CancellationToken cancellation)
    {
        await _stored.ConfigureAwait(false);
        _storing?.Dispose();
        var group = _storing = _filling;
        _filling = new CutChunks(limits.UploadGroupBytes);
        _stored = Task.Run(() => StoreAsync(group, cancellation), CancellationToken.None);
    }

    private async Task StoreAsync(CutChunks group, CancellationToken cancellation)
    {
        var ids = new ChunkId[group.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = group.Id(i);
        }

        var missing = await index.FindMissingChunksAsync(scope, ids, cancellation).ConfigureAwait(false);
        var uploads = new List<ChunkUpload>();
        for (var i = 0; i < ids.Length; i++)
        {
            if (missing[i])
            {
                cancellation.ThrowIfCancellationRequested();
                uploads.Add(ChunkEncoder.Encode(ids[i], group.Plain(i), CompressionLevel));
            }
        }

        await chunks.StoreAsync(store.Id, uploads, cancellation).ConfigureAwait(false);
    }
}
