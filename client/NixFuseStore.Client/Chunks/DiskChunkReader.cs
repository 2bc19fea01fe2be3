using NixFuseStore.Cache;

namespace NixFuseStore.Client.Chunks;

/// <summary>Reads chunks that the disk cache believes to hold; what it does not give after all is the server's business. Any thread.</summary>
/// <param name="table">The chunks on their way.</param>
/// <param name="askServer">Asks the server for chunks.</param>
/// <param name="counters">Count what the disk gives.</param>
/// <param name="stop">Ends all reads.</param>
internal sealed class DiskChunkReader(FetchTable table, Action<List<ChunkFetch>> askServer, FetchCounters counters, CancellationToken stop)
{
    /// <summary>Plain bytes that may be read ahead from disk at a time, so that a reader's own read finds the disk free.</summary>
    private const long DiskReadAheadBytesMax = 2 << 20;

    /// <summary>Chunks between two looks at how much is being read ahead.</summary>
    private const int DiskBatchMax = 16;

    private long _diskReadAheadBytes;

    /// <summary>Reads chunks. Read-ahead gives way where much is being read already.</summary>
    public void Read(IChunkCache cache, List<ChunkFetch> fetches, FetchPriority priority)
    {
        for (var start = 0; start < fetches.Count; start += DiskBatchMax)
        {
            var batch = fetches.GetRange(start, Math.Min(DiskBatchMax, fetches.Count - start));
            if (priority == FetchPriority.ReadAhead && Volatile.Read(ref _diskReadAheadBytes) > DiskReadAheadBytesMax)
            {
                if (table.DropUnwanted(batch) is { Count: > 0 } wanted)
                {
                    // A reader began to wait for them meanwhile.
                    ReadBatch(cache, wanted, FetchPriority.Demand);
                }

                continue;
            }

            ReadBatch(cache, batch, priority);
        }
    }

    /// <summary>
    /// Each chunk is its readers' as soon as the disk gives it, and the server's business as soon as it does not: none waits for another.
    /// </summary>
    private void ReadBatch(IChunkCache cache, List<ChunkFetch> batch, FetchPriority priority)
    {
        // What is missing without a look at the disk is asked for together.
        List<ChunkFetch> missing = [];
        foreach (var fetch in batch)
        {
            var counted = priority == FetchPriority.ReadAhead ? fetch.Length : 0;
            Interlocked.Add(ref _diskReadAheadBytes, counted);
            var read = TryReadAsync(cache, fetch, counted);
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
            askServer(missing);
        }
    }

    private async Task<bool> TryReadAsync(IChunkCache cache, ChunkFetch fetch, int counted)
    {
        try
        {
            if (await cache.TryGetAsync(fetch.Id, fetch.Length, stop).ConfigureAwait(false) is not { } chunk)
            {
                return false;
            }

            Interlocked.Increment(ref counters.DiskChunks);
            table.Complete(fetch, chunk, fromServer: false);
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
            askServer([fetch]);
        }
    }
}
