using System.Diagnostics.CodeAnalysis;

namespace NixFuseStore.Client.Chunks;

/// <summary>
/// Fetches that wait for a request, in batches as they were asked for. Within a batch the order stays; the batches are taken oldest or newest
/// first: a demand is served in turn, while of read-ahead the latest wish is the best guess. Not thread-safe.
/// </summary>
internal sealed class FetchQueue(bool newestFirst)
{
    private readonly LinkedList<Queue<ChunkFetch>> _batches = new();
    private Queue<ChunkFetch>? _open;

    public int Count { get; private set; }

    /// <summary>The fetch that a queue that takes the newest first would look at next; null where nothing waits there.</summary>
    public ChunkFetch? Newest => _batches.Last?.Value.TryPeek(out var fetch) == true ? fetch : null;

    public void Add(ChunkFetch fetch)
    {
        if (_open is null)
        {
            _open = new Queue<ChunkFetch>();
            _batches.AddLast(_open);
        }

        _open.Enqueue(fetch);
        Count++;
    }

    /// <summary>What is added from now on is another wish.</summary>
    public void EndBatch() => _open = null;

    public bool TryTake([NotNullWhen(true)] out ChunkFetch? fetch) => TryTakeFrom(newestFirst, out fetch);

    public bool TryTakeOldest([NotNullWhen(true)] out ChunkFetch? fetch) => TryTakeFrom(false, out fetch);

    private bool TryTakeFrom(bool last, [NotNullWhen(true)] out ChunkFetch? fetch)
    {
        while ((last ? _batches.Last : _batches.First) is { } node)
        {
            if (node.Value.TryDequeue(out fetch))
            {
                Count--;
                return true;
            }

            if (node.Value == _open)
            {
                _open = null;
            }

            _batches.Remove(node);
        }

        fetch = null;
        return false;
    }
}
