using NixFuseStore.Cache.Log;

namespace NixFuseStore.Cache;

public sealed partial class ChunkCache
{
    /// <inheritdoc/>
    public async Task<VerifyReport> VerifyAsync(bool repair, IProgress<VerifyProgress>? progress, CancellationToken cancellationToken)
    {
        // 1. Nothing is evicted meanwhile (new chunks are dropped when there is no room), so that what is missing in the end is damaged.
        var walk = await OnWriterAsync(log =>
        {
            _evictionHolds++;
            return new VerifyWalk(log);
        }).ConfigureAwait(false);
        try
        {
            // 2. Read everything. A log that is closed meanwhile ends the walk.
            await Task.Run(() => walk.Run(progress, cancellationToken), cancellationToken).ConfigureAwait(false);

            // 3. Drop what was not found whole.
            var dropped = repair ? await OnWriterAsync(log => DropAll(log, walk)).ConfigureAwait(false) : 0;
            return new VerifyReport(walk.Entries, walk.GoodBytes, walk.Bad.Count, dropped);
        }
        finally
        {
            EndHold();
        }
    }

    private long DropAll(ChunkLog log, VerifyWalk walk)
    {
        long dropped = 0;
        foreach (var fingerprint in walk.Bad)
        {
            if (log == walk.Log && log.Keys.Remove(fingerprint))
            {
                dropped++;
                _isDirty = true;
                Interlocked.Increment(ref _corrupt);
            }
        }

        return dropped;
    }

    private void EndHold()
    {
        lock (_queueLock)
        {
            if (!_stopping)
            {
                _errands.Enqueue(() => _evictionHolds--);
                Monitor.Pulse(_queueLock);
            }
        }
    }
}
