using NixFuseStore.Cache;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Reading;

/// <content>Chunks that the disk cache believes to hold.</content>
internal sealed partial class ChunkFetcher
{
    /// <summary>Plain bytes that may be read ahead from disk at a time, so that a reader's own read finds the disk free.</summary>
    private const long DiskReadAheadBytesMax = 2 << 20;

    /// <summary>Chunks in one question to the cache: as many as it reads at the same time.</summary>
    private const int DiskBatchMax = 16;

    private long _diskReadAheadBytes;

    private void StartFromDisk(IChunkCache cache, List<ChunkFetch> fetches, FetchPriority priority)
    {
        for (var start = 0; start < fetches.Count; start += DiskBatchMax)
        {
            var batch = fetches.GetRange(start, Math.Min(DiskBatchMax, fetches.Count - start));
            if (priority == FetchPriority.ReadAhead && Volatile.Read(ref _diskReadAheadBytes) > DiskReadAheadBytesMax)
            {
                DropUnwanted(cache, batch);
                continue;
            }

            _ = ReadFromDiskAsync(cache, batch, priority);
        }
    }

    private async Task ReadFromDiskAsync(IChunkCache cache, List<ChunkFetch> batch, FetchPriority priority)
    {
        var ids = new ChunkId[batch.Count];
        var bytes = 0L;
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = batch[i].Id;
            bytes += batch[i].Length;
        }

        var counted = priority == FetchPriority.ReadAhead ? bytes : 0;
        Interlocked.Add(ref _diskReadAheadBytes, counted);
        var missing = batch;
        try
        {
            var chunks = await cache.TryGetManyAsync(ids, _stop.Token).ConfigureAwait(false);
            missing = [];
            for (var i = 0; i < chunks.Length; i++)
            {
                if (chunks[i] is { } chunk && chunk.Length == batch[i].Length)
                {
                    Interlocked.Increment(ref Counters.DiskChunks);
                    Complete(batch[i], chunk, fromServer: false);
                }
                else
                {
                    chunks[i]?.Release();
                    missing.Add(batch[i]);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // A cache that fails is a cache that has nothing: the server is asked.
        }
        finally
        {
            Interlocked.Add(ref _diskReadAheadBytes, -counted);
        }

        if (missing.Count > 0)
        {
            Enqueue(missing);
        }
    }

    // What nobody waits for is given up; what somebody began to wait for meanwhile is read after all.
    private void DropUnwanted(IChunkCache cache, List<ChunkFetch> batch)
    {
        List<ChunkFetch> wanted = [];
        lock (_gate)
        {
            foreach (var fetch in batch)
            {
                if (fetch.HasWaiters)
                {
                    wanted.Add(fetch);
                }
                else
                {
                    fetch.State = FetchState.Done;
                    _fetches.Remove(fetch.Id);
                }
            }
        }

        if (wanted.Count > 0)
        {
            _ = ReadFromDiskAsync(cache, wanted, FetchPriority.Demand);
        }
    }
}
