using NixFuseStore.Content;

namespace NixFuseStore.Client.Pushing;

/// <summary>
/// What one push knows of chunks: which are on the server, and which paths wait for one that is on its way. Each chunk is dealt
/// with once, however many paths of the push hold it. Any thread.
/// </summary>
internal sealed class ChunkLedger
{
    private readonly Lock _gate = new();

    // The paths that wait for a chunk; null once it is on the server.
    private readonly Dictionary<ChunkId, List<PathWork>?> _chunks = [];

    /// <summary>True where the caller has to see to this chunk. The path waits for it unless it is on the server.</summary>
    internal bool TryClaim(in ChunkId id, PathWork path)
    {
        lock (_gate)
        {
            if (!_chunks.TryGetValue(id, out var waiting))
            {
                path.AddWait();
                _chunks.Add(id, [path]);
                return true;
            }

            if (waiting is not null && waiting[^1] != path)
            {
                path.AddWait();
                waiting.Add(path);
            }

            return false;
        }
    }

    /// <summary>The chunk is on the server.</summary>
    internal void Settle(in ChunkId id)
    {
        List<PathWork> waiting;
        lock (_gate)
        {
            waiting = _chunks[id]!;
            _chunks[id] = null;
        }

        foreach (var path in waiting)
        {
            path.EndWait();
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
