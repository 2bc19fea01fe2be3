using NixFuseStore.Content;

namespace NixFuseStore.Client.Push;

/// <summary>
/// What is known of chunks on their way: which are on the server, and who waits for one that is not yet. Each chunk is dealt
/// with once, however many paths hold it. Any thread.
/// </summary>
/// <param name="forgetsSettled">
/// Whether a chunk is forgotten once it is on the server, and so asked about again: for those who go on for days, while a push
/// that ends remembers.
/// </param>
internal sealed class ChunkUploadTracker(bool forgetsSettled = false)
{
    private readonly Lock _gate = new();

    // Who waits for a chunk; null once it is on the server.
    private readonly Dictionary<ChunkId, Waiting?> _chunks = [];

    /// <summary>True where the caller has to see to this chunk. The waits grow by it unless it is on the server.</summary>
    internal bool TryClaim(in ChunkId id, ChunkUploadWaits waits)
    {
        lock (_gate)
        {
            if (!_chunks.TryGetValue(id, out var waiting))
            {
                waits.Add();
                _chunks.Add(id, new Waiting(waits));
                return true;
            }

            if (waiting is not null && waiting.All[^1] != waits)
            {
                waits.Add();
                waiting.All.Add(waits);
            }

            return false;
        }
    }

    /// <summary>The chunk is on the server.</summary>
    internal void Settle(in ChunkId id)
    {
        Waiting waiting;
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

        foreach (var waits in waiting.All)
        {
            waits.End();
        }
    }

    /// <summary>
    /// The chunk could not be brought to the server. That fails those who waited from the beginning of the attempt. Others came while it was
    /// being made, and are owed one of their own.
    /// </summary>
    /// <returns>Whether there are such, so that the caller has to try again; else the next caller may.</returns>
    internal bool Fail(in ChunkId id, Exception exception)
    {
        ChunkUploadWaits[] failed;
        bool isWanted;
        lock (_gate)
        {
            var waiting = _chunks[id]!;
            failed = waiting.TakeFailed();
            isWanted = waiting.All.Count > 0;
            if (!isWanted)
            {
                _chunks.Remove(id);
            }
        }

        foreach (var waits in failed)
        {
            waits.Fail(exception);
        }

        return isWanted;
    }

    /// <summary>Forgets a chunk that is needed by none of those who waited for it.</summary>
    /// <returns>Whether it was: then it is not to be sent.</returns>
    internal bool TryDrop(in ChunkId id)
    {
        lock (_gate)
        {
            return _chunks.TryGetValue(id, out var waiting) && waiting is not null && waiting.All.TrueForAll(static waits => waits.HasFailed)
                && _chunks.Remove(id);
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

    /// <summary>Who waits for a chunk, in the order in which they came.</summary>
    private sealed class Waiting(ChunkUploadWaits first)
    {
        private int _sinceAttempt = 1;

        internal List<ChunkUploadWaits> All { get; } = [first];

        /// <summary>Takes those who waited when the attempt began that failed now, and those who need the chunk no more. For the rest the next one begins.</summary>
        internal ChunkUploadWaits[] TakeFailed()
        {
            ChunkUploadWaits[] failed = [.. All[.._sinceAttempt]];
            All.RemoveRange(0, _sinceAttempt);
            All.RemoveAll(static waits => waits.HasFailed);
            _sinceAttempt = All.Count;
            return failed;
        }
    }
}
