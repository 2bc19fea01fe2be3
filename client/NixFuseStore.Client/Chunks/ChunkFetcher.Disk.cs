using NixFuseStore.Cache;

namespace NixFuseStore.Client.Chunks;

/// <content>Chunks that the disk cache believes to hold.</content>
internal sealed partial class ChunkFetcher
{
    /// <summary>Plain bytes that may be read ahead from disk at a time, so that a reader's own read finds the disk free.</summary>
    private const long DiskReadAheadBytesMax = 2 << 20;

    /// <summary>Chunks between two looks at how much is being read ahead.</summary>
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

            ReadFromDisk(cache, batch, priority);
        }
    }

    /// <summary>
    /// Each chunk is its readers' as soon as the disk gives it, and the server's business as soon as it does not: none waits for another.
    /// </summary>
    private void ReadFromDisk(IChunkCache cache, List<ChunkFetch> batch, FetchPriority priority)
    {
        // What is missing without a look at the disk is asked for together.
        List<ChunkFetch> missing = [];
        foreach (var fetch in batch)
        {
            var counted = priority == FetchPriority.ReadAhead ? fetch.Length : 0;
            Interlocked.Add(ref _diskReadAheadBytes, counted);
            var read = TryReadFromDiskAsync(cache, fetch, counted);
            if (!read.IsCompleted)
            {
                _ = AskServerUnlessAsync(read, fetch);
            }
            else if (!read.Result)
            {
                missing.Add(fetch);
            }
        }

        if (missing.Count > 0)
        {
            Enqueue(missing);
        }
    }

    private async Task<bool> TryReadFromDiskAsync(IChunkCache cache, ChunkFetch fetch, int counted)
    {
        try
        {
            if (await cache.TryGetAsync(fetch.Id, fetch.Length, _stop.Token).ConfigureAwait(false) is not { } chunk)
            {
                return false;
            }

            Interlocked.Increment(ref Counters.DiskChunks);
            Complete(fetch, chunk, fromServer: false);
            return true;
        }
        catch (Exception)
        {
            // A cache that fails, in whatever way, is a cache that has nothing: the server is asked.
            return false;
        }
        finally
        {
            Interlocked.Add(ref _diskReadAheadBytes, -counted);
        }
    }

    private async Task AskServerUnlessAsync(Task<bool> read, ChunkFetch fetch)
    {
        if (!await read.ConfigureAwait(false))
        {
            Enqueue([fetch]);
        }
    }

    // What no reader waits for is given up; what a reader began to wait for meanwhile is read after all.
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
            ReadFromDisk(cache, wanted, FetchPriority.Demand);
        }
    }
}
