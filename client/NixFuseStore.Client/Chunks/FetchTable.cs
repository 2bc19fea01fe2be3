using NixFuseStore.Cache;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Chunks;

/// <summary>The chunks on their way: at most one fetch for a chunk, however many wait for it. Any thread.</summary>
/// <param name="memory">Gets what arrives.</param>
/// <param name="writeBack">Offers what arrives to the disk cache.</param>
/// <param name="policy">Is told what was fetched ahead.</param>
/// <param name="counters">Count it.</param>
internal sealed class FetchTable(ChunkMemory memory, CacheWriteBack writeBack, ReadAheadPolicy policy, FetchCounters counters)
{
    private readonly Dictionary<ChunkId, ChunkFetch> _fetches = [];

    /// <summary>Guards the table and all fields of the fetches. Held for short work only, never while calling out.</summary>
    public Lock Gate { get; } = new();

    public int Count
    {
        get
        {
            lock (Gate)
            {
                return _fetches.Count;
            }
        }
    }

    /// <summary>The fetch of a chunk, with one more waiter; a new one where there was none.</summary>
    /// <param name="content">The path that it is asked for.</param>
    /// <param name="ordinal">Its place in the path's chunk list.</param>
    /// <param name="priority">Why it is asked for. An older fetch takes it over where it is more urgent.</param>
    /// <param name="ahead">Why a new one is read ahead, and for the file that begins where in the stream.</param>
    /// <param name="waiter">The waiting reader's chunks, and the place of this one among them; null for read-ahead.</param>
    /// <param name="isRaised">Whether an older fetch that is queued has become more urgent by it, and has to be queued again.</param>
    /// <param name="fetch">The fetch.</param>
    /// <returns>Whether it is new.</returns>
    public bool TryAdd(
        PathContent content,
        int ordinal,
        FetchPriority priority,
        (ReadAheadKind Kind, long FileStart) ahead,
        (ChunkWait Wait, int Index)? waiter,
        out bool isRaised,
        out ChunkFetch fetch)
    {
        isRaised = false;
        var id = content.Chunks.Id(ordinal);
        lock (Gate)
        {
            var isNew = !_fetches.TryGetValue(id, out var found);
            fetch = found ?? new ChunkFetch(content, ordinal, priority) { Kind = ahead.Kind, FileStart = ahead.FileStart };
            if (waiter is { } one)
            {
                fetch.AddWaiter(one.Wait, one.Index);
            }

            if (isNew)
            {
                _fetches.Add(id, fetch);
            }
            else if (priority < fetch.Priority)
            {
                fetch.Priority = priority;
                isRaised = fetch.State == FetchState.Queued;
            }

            return isNew;
        }
    }

    /// <summary>Takes a waiter away from chunks; nothing happens where they arrived.</summary>
    public void RemoveWaiter(PathContent content, IEnumerable<int> ordinals, ChunkWait wait)
    {
        lock (Gate)
        {
            foreach (var ordinal in ordinals)
            {
                if (_fetches.TryGetValue(content.Chunks.Id(ordinal), out var fetch))
                {
                    fetch.RemoveWaiter(wait);
                }
            }
        }
    }

    /// <summary>Gives up fetches that no reader waits for.</summary>
    /// <returns>Those that one waits for.</returns>
    public List<ChunkFetch> DropUnwanted(List<ChunkFetch> fetches)
    {
        List<ChunkFetch> wanted = [];
        lock (Gate)
        {
            foreach (var fetch in fetches)
            {
                if (fetch.HasWaiters)
                {
                    wanted.Add(fetch);
                }
                else
                {
                    Drop(fetch);
                }
            }
        }

        return wanted;
    }

    /// <summary>Gives up a fetch. Under the lock.</summary>
    public void Drop(ChunkFetch fetch)
    {
        if (fetch.State != FetchState.Done)
        {
            fetch.State = FetchState.Done;
            _fetches.Remove(fetch.Id);
        }
    }

    /// <summary>A chunk has come, verified; the caller's reference to it passes here.</summary>
    public void Complete(ChunkFetch fetch, ChunkBuffer chunk, bool fromServer)
    {
        var id = fetch.Id;
        List<(ChunkWait Wait, int Index)>? waiters;
        FetchPriority priority;
        lock (Gate)
        {
            fetch.State = FetchState.Done;
            priority = fetch.Priority;
        }

        // Into the memory before it leaves the table, so that no reader in between finds it in neither.
        if (priority != FetchPriority.Bulk)
        {
            memory.Add(in id, chunk);
        }

        lock (Gate)
        {
            _fetches.Remove(id);
            waiters = fetch.TakeWaiters();
        }

        if (fromServer)
        {
            writeBack.Offer(chunk, in id);
            if (priority == FetchPriority.ReadAhead)
            {
                fetch.Content.MarkFetchedAhead(fetch.Ordinal, fetch.Kind);
                policy.OnFetched(fetch.Content.ReadAhead, fetch.Kind, fetch.FileStart, fetch.Length);
                Interlocked.Add(ref counters.ReadAheadBytes, fetch.Length);
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

    /// <summary>A chunk cannot be had; those that wait for it are told.</summary>
    public void Fail(ChunkFetch fetch, Exception exception)
    {
        List<(ChunkWait Wait, int Index)>? waiters;
        lock (Gate)
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

    /// <summary>No chunk that is still on its way can be had.</summary>
    public void FailAll(Exception exception)
    {
        List<ChunkFetch> left;
        lock (Gate)
        {
            left = [.. _fetches.Values];
        }

        left.ForEach(fetch => Fail(fetch, exception));
    }
}
