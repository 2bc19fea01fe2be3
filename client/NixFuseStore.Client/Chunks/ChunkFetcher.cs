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
internal sealed class ChunkFetcher : IAsyncDisposable
{
    private readonly FetchTable _table;
    private readonly ChunkRequester _requester;
    private readonly DiskChunkReader _disk;
    private readonly ChunkMemory _memory;
    private readonly PendingPaths _pending;
    private readonly CancellationTokenSource _stop = new();

    // Null: no disk cache, or it is still being opened; then reads that miss the memory wait for this task.
    private readonly Task<IChunkCache?> _cacheOpening;

    /// <param name="connection">The server.</param>
    /// <param name="health">Its presence.</param>
    /// <param name="memory">Chunks in memory.</param>
    /// <param name="pending">Paths that were added here; their chunks are in memory.</param>
    /// <param name="cache">The disk cache, which may still be opening; its result null, or failed: none.</param>
    /// <param name="policy">Is told what was fetched ahead.</param>
    /// <param name="time">Clock.</param>
    public ChunkFetcher(
        ServerConnection connection,
        ServerHealth health,
        ChunkMemory memory,
        PendingPaths pending,
        Task<IChunkCache?> cache,
        ReadAheadPolicy policy,
        TimeProvider time)
    {
        _memory = memory;
        _pending = pending;
        _cacheOpening = cache;
        Link = new LinkEstimator(time);
        Offers = new CacheWriteBack(cache);
        _table = new FetchTable(memory, Offers, policy, Counters);
        _requester = new ChunkRequester(connection, health, _table, Link, Counters, time, _stop.Token);
        _disk = new DiskChunkReader(_table, _requester.Request, Counters, _stop.Token);
    }

    public LinkEstimator Link { get; }

    public FetchCounters Counters { get; } = new();

    public CacheWriteBack Offers { get; }

    /// <summary>Chunks on their way.</summary>
    public int InFlight => _table.Count;

    /// <summary>Connects, so that the first readers need not wait for that.</summary>
    public void Connect() => _requester.Connect();

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
                RequestOne(content, (int)ordinal, null, 0, FetchPriority.ReadAhead, (ReadAheadKind.AccessProfile, 0), ref started);
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
        _table.RemoveWaiter(content, Enumerable.Range(first, count), wait);
        wait.Abandon();
    }

    /// <summary>Takes a waiter away from chunks; nothing happens where they arrived.</summary>
    public void Forget(PathContent content, List<int> ordinals, ChunkWait wait) => _table.RemoveWaiter(content, ordinals, wait);

    /// <summary>Stops all requests; callers that wait get an exception.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        _table.FailAll(new StoreUnavailableException("the store was closed"));
    }

    private void RequestOne(
        PathContent content, int ordinal, ChunkWait? wait, int index, FetchPriority priority, (ReadAheadKind Kind, long FileStart) ahead, ref List<ChunkFetch>? started)
    {
        var id = content.Chunks.Id(ordinal);
        if (wait is null ? _memory.Contains(in id) : TrySetFromMemory(content, in id, wait, index, priority))
        {
            return;
        }

        if (_table.TryAdd(content, ordinal, priority, ahead, wait is null ? null : (wait, index), out var isRaised, out var fetch))
        {
            (started ??= []).Add(fetch);
        }
        else if (isRaised)
        {
            _requester.Raise(fetch);
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

    private void Start(List<ChunkFetch> fetches, FetchPriority priority)
    {
        if (!_cacheOpening.IsCompleted)
        {
            _ = StartWhenCacheIsOpenAsync(fetches, priority);
            return;
        }

        if (Offers.Cache is not { } cache)
        {
            _requester.Request(fetches);
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
            _requester.Request(onServer);
        }

        if (onDisk is not null)
        {
            _disk.Read(cache, onDisk, priority);
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
            _requester.Request(fetches);
        }
    }
}
