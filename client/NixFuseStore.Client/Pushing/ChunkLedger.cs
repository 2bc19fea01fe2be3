using NixFuseStore.Content;

namespace NixFuseStore.Client.Pushing;

/// <summary>
/// What is known of chunks on their way: which are on the server, and who waits for one that is not yet. Each chunk is dealt
/// with once, however many paths hold it. Any thread.
/// </summary>
/// <param name="forgetsSettled">
/// Whether a chunk is forgotten once it is on the server, and so asked about again: for those who go on for days, while a push
/// that ends remembers.
/// </param>
internal sealed class ChunkLedger(bool forgetsSettled = false)
{
    private readonly Lock _gate = new();

    // Who waits for a chunk; null once it is on the server.
    private readonly Dictionary<ChunkId, List<ChunkWaits>?> _chunks = [];

    /// <summary>True where the caller has to see to this chunk. The waits grow by it unless it is on the server.</summary>
    internal bool TryClaim(in ChunkId id, ChunkWaits waits)
    {
        lock (_gate)
        {
            if (!_chunks.TryGetValue(id, out var waiting))
            {
                waits.Add();
                _chunks.Add(id, [waits]);
                return true;
            }

            if (waiting is not null && waiting[^1] != waits)
            {
                waits.Add();
                waiting.Add(waits);
            }

            return false;
        }
    }

    /// <summary>The chunk is on the server.</summary>
    internal void Settle(in ChunkId id)
    {
        List<ChunkWaits> waiting;
        lock (_gate)
        {
            waiting = _chunks[id]!;
            if (forgetsSettled)
            {
                _chunks.Remove(id);
            }
            else
            {
                _chunks[id] = null;
            }
        }

        foreach (var waits in waiting)
        {
            waits.End();
        }
    }

    /// <summary>The chunk could not be brought to the server. Whoever comes next may try again.</summary>
    internal void Fail(in ChunkId id, Exception exception)
    {
        List<ChunkWaits> waiting;
        lock (_gate)
        {
            _chunks.Remove(id, out var waiters);
            waiting = waiters!;
        }

        foreach (var waits in waiting)
        {
            waits.Fail(exception);
        }
    }

    /// <summary>The server says that it lacks chunks which it had: they are to be claimed again. One that is on its way is left alone.</summary>
    internal void Forget(IEnumerable<ChunkId> ids)
    {
        lock (_gate)
        {
            foreach (var id in ids)
            {
                if (_chunks.TryGetValue(id, out var waiting) && waiting is null)
                {
                    _chunks.Remove(id);
                }
            }
        }
    }
}
