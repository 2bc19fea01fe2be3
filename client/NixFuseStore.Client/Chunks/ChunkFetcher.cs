using NixFuseStore.Cache;
using NixFuseStore.Client.Pending;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Chunks;

/// <summary>
/// Brings chunks: from memory, else from the disk cache, else from the server; at most one request is in flight for a chunk, however many
/// wait for it. What a reader waits for is sent at once; read-ahead travels in small requests of its own, as much as keeps the link
/// busy; bulk goes last. Every chunk is checked against its id before a reader sees it. All members may be called from any thread.
/// </summary>
internal sealed partial class ChunkFetcher : IAsyncDisposable
{
    // Guards the table, the queues and all fields of the fetches. Held for short work only, never while calling out.
    private readonly Lock _gate = new();
    private readonly Dictionary<ChunkId, ChunkFetch> _fetches = [];
    private readonly ServerConnection _connection;
    private readonly ServerHealth _health;
    private readonly ChunkMemory _memory;
    private readonly PendingPaths _pending;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly PacketTrain _train;

    // Is told what was fetched ahead.
    private readonly ReadAheadPolicy _policy;

    // Null: no disk cache, or it is still being opened; then reads that miss the memory wait for this task.
    private readonly Task<IChunkCache?> _cacheOpening;

    public ChunkFetcher(
        ServerConnection connection,
        ServerHealth health,
        ChunkMemory memory,
        PendingPaths pending,
        Task<IChunkCache?> cache,
        ReadAheadPolicy policy,
        TimeProvider time)
    {
        _policy = policy;
        _pending = pending;
        _connection = connection;
        _health = health;
        _memory = memory;
        _cacheOpening = cache;
        Offers = new CacheWriteBack(cache);
        _time = time;
        Link = new LinkEstimator(time);
        _train = new PacketTrain(Link, time);
    }

    public LinkEstimator Link { get; }

    public FetchCounters Counters { get; } = new();

    public CacheWriteBack Offers { get; }

    /// <summary>Chunks on their way.</summary>
    public int InFlight
    {
        get
        {
            lock (_gate)
            {
                return _fetches.Count;
            }
        }
    }

    /// <summary>Asks for a run of chunks.</summary>
    /// <param name="content">The path.</param>
    /// <param name="first">First ordinal.</param>
    /// <param name="count">Chunks, at least 1.</param>
    /// <param name="wait">Is given the chunks, in order.</param>
    public void Request(PathContent content, int first, int count, ChunkWait wait)
    {
        List<ChunkFetch>? started = null;
        for (var i = 0; i < count; i++)
        {
            RequestOne(content, first + i, wait, i, FetchPriority.Demand, default, ref started);
        }

        if (started is not null)
        {
            Start(started, FetchPriority.Demand);
        }
    }

    /// <summary>Asks for what lies in a range of the stream, though no caller waits for it.</summary>
    /// <param name="content">The path.</param>
    /// <param name="range">Not empty, within the stream.</param>
    /// <param name="fileStart">Where the file begins in the stream that it is fetched for.</param>
    public void ReadAhead(PathContent content, in ReadAheadRange range, long fileStart)
    {
        List<ChunkFetch>? started = null;
        var last = content.Chunks.Find(range.End - 1);
        for (var ordinal = content.Chunks.Find(range.Start); ordinal <= last; ordinal++)
        {
            RequestOne(content, ordinal, null, 0, FetchPriority.ReadAhead, (range.Kind, fileStart), ref started);
        }

        if (started is not null)
        {
            Start(started, FetchPriority.ReadAhead);
        }
    }

    /// <summary>Asks for what other hosts read of a path, though no caller here waits for it.</summary>
    /// <param name="content">The path.</param>
    /// <param name="runs">Pairs of a first ordinal and a count. Nothing is believed of them.</param>
    /// <param name="bytesLeft">Plain bytes that may still be asked for; lowered by those that are.</param>
    public void ReadAhead(PathContent content, ReadOnlySpan<uint> runs, ref long bytesLeft)
    {
        List<ChunkFetch>? started = null;
        for (var i = 0; i + 1 < runs.Length; i += 2)
        {
            var end = Math.Min((ulong)runs[i] + runs[i + 1], (ulong)content.Chunks.Count);
            for (var ordinal = (ulong)runs[i]; ordinal < end && bytesLeft > 0; ordinal++)
            {
                bytesLeft -= content.Chunks.Length((int)ordinal);
                content.MarkExpected((int)ordinal);
                RequestOne(content, (int)ordinal, null, 0, FetchPriority.ReadAhead, (ReadAheadKind.Used, 0), ref started);
            }
        }

        if (started is not null)
        {
            Start(started, FetchPriority.ReadAhead);
        }
    }

    /// <summary>Asks for chunks to be put into the disk cache.</summary>
    /// <param name="content">The path.</param>
    /// <param name="ordinals">Which.</param>
    /// <param name="wait">Is told of each.</param>
    public void RequestForCache(PathContent content, List<int> ordinals, ChunkWait wait)
    {
        List<ChunkFetch>? started = null;
        for (var i = 0; i < ordinals.Count; i++)
        {
            RequestOne(content, ordinals[i], wait, i, FetchPriority.Bulk, default, ref started);
        }

        if (started is not null)
        {
            Start(started, FetchPriority.Bulk);
        }
    }

    /// <summary>Takes a waiter away from what it still waits for. The fetches go on: what is on its way is of use to the cache.</summary>
    public void Leave(PathContent content, int first, int count, ChunkWait wait)
    {
        lock (_gate)
        {
            for (var ordinal = first; ordinal < first + count; ordinal++)
            {
                if (_fetches.TryGetValue(content.Chunks.Id(ordinal), out var fetch))
                {
                    fetch.RemoveWaiter(wait);
                }
            }
        }

        wait.Abandon();
    }

    /// <summary>Takes a waiter away from one chunk; nothing happens where it arrived.</summary>
    public void Forget(PathContent content, int ordinal, ChunkWait wait)
    {
        lock (_gate)
        {
            if (_fetches.TryGetValue(content.Chunks.Id(ordinal), out var fetch))
            {
                fetch.RemoveWaiter(wait);
            }
        }
    }

    /// <summary>Stops all requests; callers that wait get an exception.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        List<ChunkFetch> left;
        lock (_gate)
        {
            left = [.. _fetches.Values];
        }

        foreach (var fetch in left)
        {
            Fail(fetch, new StoreUnavailableException("the store was closed"));
        }
    }

    private void RequestOne(
        PathContent content, int ordinal, ChunkWait? wait, int index, FetchPriority priority, (ReadAheadKind Kind, long FileStart) ahead, ref List<ChunkFetch>? started)
    {
        var id = content.Chunks.Id(ordinal);
        if (wait is null ? _memory.Contains(in id) : TrySetFromMemory(content, in id, wait, index, priority))
        {
            return;
        }

        lock (_gate)
        {
            if (_fetches.TryGetValue(id, out var fetch))
            {
                Join(fetch, wait, index, priority);
                return;
            }

            fetch = new ChunkFetch(content, ordinal, priority) { Kind = ahead.Kind, FileStart = ahead.FileStart };
            if (wait is not null)
            {
                fetch.AddWaiter(wait, index);
            }

            _fetches.Add(id, fetch);
            (started ??= []).Add(fetch);
        }
    }

    private bool TrySetFromMemory(PathContent content, in ChunkId id, ChunkWait wait, int index, FetchPriority priority)
    {
        if (!_memory.TryGet(in id, out var chunk) && !_pending.TryGetChunk(content.Handle, in id, out chunk))
        {
            return false;
        }

        if (priority == FetchPriority.Bulk)
        {
            // In memory, but not on disk, where it is wanted.
            Offers.Offer(chunk, in id);
        }
        else
        {
            Offers.OnUsed(chunk, in id);
        }

        wait.Set(index, chunk);
        return true;
    }

    // Under the lock.
    private void Join(ChunkFetch fetch, ChunkWait? wait, int index, FetchPriority priority)
    {
        if (wait is not null)
        {
            fetch.AddWaiter(wait, index);
        }

        if (priority < fetch.Priority)
        {
            fetch.Priority = priority;
            if (fetch.State == FetchState.Queued)
            {
                QueueOf(fetch).Add(fetch);
                SchedulePump();
            }
        }
    }

    private void Start(List<ChunkFetch> fetches, FetchPriority priority)
    {
        if (!_cacheOpening.IsCompleted)
        {
            _ = StartWhenCacheIsOpenAsync(fetches, priority);
            return;
        }

        if (Offers.Cache is not { } cache)
        {
            Enqueue(fetches);
            return;
        }

        List<ChunkFetch>? onDisk = null;
        List<ChunkFetch>? onServer = null;
        foreach (var fetch in fetches)
        {
            (cache.Contains(fetch.Id) ? onDisk ??= [] : onServer ??= []).Add(fetch);
        }

        if (onServer is not null)
        {
            Enqueue(onServer);
        }

        if (onDisk is not null)
        {
            StartFromDisk(cache, onDisk, priority);
        }
    }

    private async Task StartWhenCacheIsOpenAsync(List<ChunkFetch> fetches, FetchPriority priority)
    {
        await ((Task)_cacheOpening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            Start(fetches, priority);
        }
        catch (Exception)
        {
            // A cache that fails is a cache that has nothing.
            Enqueue(fetches);
        }
    }

    // The reference of the caller passes here.
    private void Complete(ChunkFetch fetch, ChunkBuffer chunk, bool fromServer)
    {
        var id = fetch.Id;
        List<(ChunkWait Wait, int Index)>? waiters;
        FetchPriority priority;
        lock (_gate)
        {
            fetch.State = FetchState.Done;
            priority = fetch.Priority;
        }

        // Into the memory before it leaves the table, so that no reader in between finds it in neither.
        if (priority != FetchPriority.Bulk)
        {
            _memory.Add(in id, chunk);
        }

        lock (_gate)
        {
            _fetches.Remove(id);
            waiters = fetch.TakeWaiters();
        }

        if (fromServer)
        {
            Offers.Offer(chunk, in id);
            if (priority == FetchPriority.ReadAhead)
            {
                fetch.Content.MarkFetchedAhead(fetch.Ordinal, fetch.Kind);
                _policy.OnFetched(fetch.Content.ReadAhead, fetch.Kind, fetch.FileStart, fetch.Length);
                Interlocked.Add(ref Counters.ReadAheadBytes, fetch.Length);
            }
        }

        foreach (var (wait, index) in waiters ?? [])
        {
            // We hold a reference, so another one can be had.
            chunk.TryAddReference();
            wait.Set(index, chunk);
        }

        chunk.Release();
    }

    private void Fail(ChunkFetch fetch, Exception exception)
    {
        List<(ChunkWait Wait, int Index)>? waiters;
        lock (_gate)
        {
            fetch.State = FetchState.Done;
            _fetches.Remove(fetch.Id);
            waiters = fetch.TakeWaiters();
        }

        foreach (var (wait, _) in waiters ?? [])
        {
            wait.Fail(exception);
        }
    }
}
