using NixFuseStore.Client.ReadAhead;

namespace NixFuseStore.Client.Chunks;

/// <summary>
/// Queues of chunks that the server is to be asked for, and the decision what is sent when: what a reader waits for at once; read-ahead in small
/// requests, as much as keeps the link busy; bulk last. Any thread.
/// </summary>
/// <param name="table">The chunks on their way; its lock guards the queues as well.</param>
/// <param name="link">What the link carries.</param>
/// <param name="send">Sends a request. Has to call <see cref="OnEnded"/> when it is over.</param>
internal sealed class FetchScheduler(FetchTable table, LinkEstimator link, Action<List<ChunkFetch>, FetchPriority> send)
{
    private const int DemandRequestsMax = 6;
    private const int GuessRequestsMax = 3;
    private const int BulkRequestsMax = 4;
    private const int ChunksPerRequestMax = 512;

    /// <summary>Plain bytes of one request that a reader waits for. A long read is spread over several connections, which helps while their windows are small.</summary>
    private const long DemandRequestBytes = 512 << 10;

    /// <summary>Plain bytes of one read-ahead request: small, so that a reader who wants its last chunk does not wait long.</summary>
    private const long ReadAheadRequestBytes = 512 << 10;

    /// <summary>With less room in the window than this, read-ahead waits until there is more.</summary>
    private const long ReadAheadRequestBytesMin = 64 << 10;

    /// <summary>
    /// Plain bytes that may be under way of what other hosts read, even where the link seems to carry less: nearly all of it will be waited for, and
    /// new connections take several round trips to reach their speed.
    /// </summary>
    private const long ProfileWindowBytesMin = 2 << 20;

    /// <summary>Read-ahead requests that may be under way of what is more than a guess: they have to fill the link, and new connections are slow.</summary>
    private const int ReadAheadRequestsMax = 6;

    private const long BulkRequestBytes = 4 << 20;

    /// <summary>Chunks that may wait to be read ahead; the oldest wishes are dropped first.</summary>
    private const int ReadAheadQueuedMax = 4096;

    private readonly FetchQueue _demand = new(newestFirst: false);
    private readonly FetchQueue _ahead = new(newestFirst: true);
    private readonly FetchQueue _stream = new(newestFirst: false);
    private readonly FetchQueue _bulk = new(newestFirst: false);
    private int _demandRunning;
    private int _aheadRunning;
    private int _bulkRunning;
    private long _aheadBytesRunning;
    private bool _pumpScheduled;

    /// <summary>Chunks are to be asked for.</summary>
    public void Enqueue(List<ChunkFetch> fetches)
    {
        lock (table.Gate)
        {
            foreach (var fetch in fetches)
            {
                if (fetch.State != FetchState.Done)
                {
                    fetch.State = FetchState.Queued;
                    QueueOf(fetch).Add(fetch);
                }
            }

            _ahead.EndBatch();
            DropOldest(_ahead);
            DropOldest(_stream);
            SchedulePump();
        }
    }

    /// <summary>A chunk that is queued has become more urgent.</summary>
    public void Raise(ChunkFetch fetch)
    {
        lock (table.Gate)
        {
            if (fetch.State == FetchState.Queued)
            {
                QueueOf(fetch).Add(fetch);
                SchedulePump();
            }
        }
    }

    /// <summary>A request is over.</summary>
    /// <param name="priority">Why it was made.</param>
    /// <param name="bytes">Plain bytes that it asked for.</param>
    public void OnEnded(FetchPriority priority, long bytes)
    {
        lock (table.Gate)
        {
            switch (priority)
            {
                case FetchPriority.Demand:
                    _demandRunning--;
                    break;
                case FetchPriority.ReadAhead:
                    _aheadRunning--;
                    _aheadBytesRunning -= bytes;
                    break;
                default:
                    _bulkRunning--;
                    break;
            }

            SchedulePump();
        }
    }

    // A reader who goes on and on needs the oldest wish first; of guesses, the latest is the best.
    private FetchQueue QueueOf(ChunkFetch fetch) => fetch.Priority switch
    {
        FetchPriority.Demand => _demand,
        FetchPriority.ReadAhead => fetch.Kind is ReadAheadKind.Sequential or ReadAheadKind.NextPath ? _stream : _ahead,
        _ => _bulk,
    };

    // Under the lock.
    private void DropOldest(FetchQueue ahead)
    {
        while (ahead.Count > ReadAheadQueuedMax && ahead.TryTakeOldest(out var dropped))
        {
            if (dropped.State == FetchState.Queued && dropped.Priority == FetchPriority.ReadAhead)
            {
                table.Drop(dropped);
            }
        }
    }

    // Under the lock. The pump runs as a work item of its own, so that what several readers ask for in the same moment travels together.
    private void SchedulePump()
    {
        if (!_pumpScheduled)
        {
            _pumpScheduled = true;
            ThreadPool.UnsafeQueueUserWorkItem(static scheduler => scheduler.Pump(), this, preferLocal: false);
        }
    }

    private void Pump()
    {
        while (true)
        {
            List<ChunkFetch>? batch;
            FetchPriority priority;
            try
            {
                lock (table.Gate)
                {
                    _pumpScheduled = false;
                    batch = NextBatch(out priority);
                }
            }
            catch (Exception)
            {
                // A work item of the thread pool: an exception here would end the process. Those who wait have their deadlines, and a caller that asks
                // next starts the pump again.
                return;
            }

            if (batch is null)
            {
                return;
            }

            send(batch, priority);
        }
    }

    // Under the lock.
    private List<ChunkFetch>? NextBatch(out FetchPriority priority)
    {
        priority = FetchPriority.Demand;
        if (_demandRunning < DemandRequestsMax && Take(_demand, priority, DemandRequestBytes) is { } demand)
        {
            _demandRunning++;
            return demand;
        }

        priority = FetchPriority.ReadAhead;
        if (NextAhead() is { } ahead)
        {
            _aheadRunning++;
            _aheadBytesRunning += BytesOf(ahead);
            return ahead;
        }

        priority = FetchPriority.Bulk;
        var bulkMax = _demandRunning > 0 ? 1 : BulkRequestsMax;
        if (_bulkRunning < bulkMax && Take(_bulk, priority, BulkRequestBytes) is { } bulk)
        {
            _bulkRunning++;
            return bulk;
        }

        return null;
    }

    // Under the lock.
    private List<ChunkFetch>? NextAhead()
    {
        // While a reader waits, read-ahead may fill the pipe only by half, so that it delays the reader by less than a round trip;
        // what a program needs to start, here or on other hosts, is as good as waited for.
        var kind = _ahead.Newest?.Kind ?? ReadAheadKind.None;
        var window = link.WindowPlainBytes;
        if (kind == ReadAheadKind.AccessProfile)
        {
            window = Math.Max(window, ProfileWindowBytesMin);
        }
        else if (_demandRunning > 0 && kind != ReadAheadKind.Program)
        {
            window /= 2;
        }

        if (_aheadBytesRunning > 0 && _aheadBytesRunning + ReadAheadRequestBytesMin > window)
        {
            return null;
        }

        var bytesMax = Math.Min(ReadAheadRequestBytes, window - _aheadBytesRunning);
        return (_aheadRunning < (kind == ReadAheadKind.AccessProfile ? ReadAheadRequestsMax : GuessRequestsMax) ? Take(_ahead, FetchPriority.ReadAhead, bytesMax) : null)
            ?? (_aheadRunning < ReadAheadRequestsMax ? Take(_stream, FetchPriority.ReadAhead, bytesMax) : null);
    }

    // Under the lock. At least one chunk, where there is one; fetches that moved on to another queue are passed over.
    private static List<ChunkFetch>? Take(FetchQueue queue, FetchPriority priority, long bytesMax)
    {
        List<ChunkFetch>? batch = null;
        var bytes = 0L;
        while (bytes < bytesMax && (batch is null || batch.Count < ChunksPerRequestMax) && queue.TryTake(out var fetch))
        {
            if (fetch.State == FetchState.Queued && fetch.Priority == priority)
            {
                fetch.State = FetchState.Sent;
                bytes += fetch.Length;
                (batch ??= []).Add(fetch);
            }
        }

        return batch;
    }

    /// <summary>Plain bytes of some chunks.</summary>
    public static long BytesOf(List<ChunkFetch> batch)
    {
        var bytes = 0L;
        foreach (var fetch in batch)
        {
            bytes += fetch.Length;
        }

        return bytes;
    }
}
