using NixFuseStore.Cache;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Chunks;

/// <summary>
/// Tells the disk cache what happens in the memory before it: a chunk that is hot there stays on disk, and one that the cache had to drop
/// (a full disk, a slow one) is offered again when it is used again. Any thread.
/// </summary>
internal sealed class CacheWriteBack(Task<IChunkCache?> opening)
{
    /// <summary>Dropped chunks that are remembered, 4 MB at most; beyond them a chunk is offered when it is fetched again.</summary>
    private const int DroppedMax = 65_536;

    private readonly Lock _gate = new();
    private readonly HashSet<ChunkId> _dropped = []; // guarded by _gate
    private int _droppedCount;

    /// <summary>The cache; null while it is being opened, or where there is none. A failed opening counts as none.</summary>
    public IChunkCache? Cache => opening.IsCompletedSuccessfully ? opening.Result : null;

    /// <summary>Offers a verified chunk.</summary>
    public void Offer(ChunkBuffer chunk, in ChunkId id)
    {
        if (Cache is not { } cache || cache.Offer(chunk, id))
        {
            return;
        }

        lock (_gate)
        {
            if (_dropped.Count < DroppedMax)
            {
                _dropped.Add(id);
                _droppedCount = _dropped.Count;
            }
        }
    }

    /// <summary>A chunk was used out of memory.</summary>
    public void OnUsed(ChunkBuffer chunk, in ChunkId id)
    {
        if (Volatile.Read(ref _droppedCount) > 0 && WasDropped(in id))
        {
            Offer(chunk, in id);
        }
        else
        {
            Cache?.MarkUsed(in id);
        }
    }

    private bool WasDropped(in ChunkId id)
    {
        lock (_gate)
        {
            var was = _dropped.Remove(id);
            _droppedCount = _dropped.Count;
            return was;
        }
    }
}
