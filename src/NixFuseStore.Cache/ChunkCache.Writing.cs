using System.Diagnostics;
using NixFuseStore.Cache.Keys;
using NixFuseStore.Cache.Log;
using NixFuseStore.Content;

namespace NixFuseStore.Cache;

public sealed partial class ChunkCache
{
    /// <summary>Bytes of lock and holder, rounded up.</summary>
    private const long SmallFileBytes = 16 << 10;

    /// <summary>How many appended bytes may pass between two looks at the free space.</summary>
    private const long FreeSpaceCheckBytes = 4L << 20;

    /// <summary>A small file system is of use as well: no more than this part of it is left to others.</summary>
    private const long ReserveDivisor = 20;

    private readonly Queue<(ChunkBuffer Chunk, ChunkId Id)> _offers = new();
    private readonly Queue<ulong> _drops = new();
    private readonly Queue<Action> _errands = new();
    private readonly object _queueLock = new(); // a monitor, because the writer waits on it
    private long _queuedBytes;
    private bool _stopping;

    private long _stored;
    private long _storedBytes;
    private long _dropped;
    private long _evicted;
    private long _checkpoints;

    // Of the writer thread alone:
    private long _bytesSinceCheckpoint;
    private bool _isDirty;
    private long _lastCheckpointAt = Stopwatch.GetTimestamp();
    private long _bytesSinceSpaceCheck = long.MaxValue;
    private int _evictionHolds;

    /// <inheritdoc/>
    public bool Offer(ChunkBuffer chunk, ChunkId id)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        if (chunk.Length == 0 || chunk.Length > _options.ChunkBytesMax || _bypassReason is not null || _isStalled || !chunk.TryAddReference())
        {
            Interlocked.Increment(ref _dropped);
            return false;
        }

        lock (_queueLock)
        {
            if (!_stopping && _queuedBytes + chunk.Length <= _options.QueueBytesMax)
            {
                _offers.Enqueue((chunk, id));
                _queuedBytes += chunk.Length;
                Monitor.Pulse(_queueLock);
                return true;
            }
        }

        chunk.Release();
        Interlocked.Increment(ref _dropped);
        return false;
    }

    private void Drop(in ChunkId id)
    {
        lock (_queueLock)
        {
            _drops.Enqueue(KeyTable.Fingerprint(id));
            Monitor.Pulse(_queueLock);
        }
    }

    /// <summary>Has the writer thread do something between two chunks.</summary>
    private Task<T> OnWriterAsync<T>(Func<ChunkLog, T> errand)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_queueLock)
        {
            if (_stopping)
            {
                throw new InvalidOperationException("the cache is closed");
            }

            _errands.Enqueue(() =>
            {
                try
                {
                    done.SetResult(errand(_log ?? throw new InvalidOperationException("the cache is not open")));
                }
                catch (Exception failure)
                {
                    done.SetException(failure);
                }
            });
            Monitor.Pulse(_queueLock);
        }

        return done.Task;
    }

    private void Store(ChunkLog log, ChunkBuffer chunk, in ChunkId id)
    {
        var fingerprint = KeyTable.Fingerprint(id);
        if (log.Keys.Contains(fingerprint))
        {
            return;
        }

        if (chunk.Length > log.ChunkBytesMax || !HasFreeSpace(log) || !MakeRoom(log, SegmentedLog.RecordBytes(chunk.Length)))
        {
            Interlocked.Increment(ref _dropped);
            return;
        }

        log.Append(id, chunk);
        _isDirty = true;
        _bytesSinceCheckpoint += chunk.Length;
        _bytesSinceSpaceCheck += chunk.Length;
        Interlocked.Increment(ref _stored);
        Interlocked.Add(ref _storedBytes, chunk.Length);
        if (log.Writes.Failure is { } failure)
        {
            Bypass(failure.Message);
        }
    }

    /// <summary>Evicts until so many bytes more fit under the cap, whatever happens until then.</summary>
    private bool MakeRoom(ChunkLog log, long bytes)
    {
        // What an eviction appends again must fit as well, before it frees anything.
        var needed = bytes + log.SegmentBytes + (2 * log.PageBytes);
        while (log.SizeBytesAfter(needed) > _options.SizeBytesMax - SmallFileBytes
            || log.Keys.Count >= CacheGeometry.EntriesMax(_options.SizeBytesMax))
        {
            if (_evictionHolds > 0)
            {
                return false;
            }

            var begin = log.BeginAddress;
            Interlocked.Add(ref _evicted, log.EvictOldest(_options.SizeBytesMax / 4));
            if (log.BeginAddress == begin || !TakeCheckpoint(log))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Looks, now and then, whether the file system has room for everything that is only in memory, and bypasses when not.</summary>
    private bool HasFreeSpace(ChunkLog log)
    {
        if (_bytesSinceSpaceCheck < FreeSpaceCheckBytes)
        {
            return true;
        }

        var (free, reserve) = FreeBytes();
        var wanted = log.BytesToCheckpoint + (2 * log.PageBytes);
        if (free < reserve + wanted)
        {
            // What came since the last checkpoint is kept, while there is room for that.
            if (_isDirty && free >= log.BytesToCheckpoint)
            {
                TakeCheckpoint(log);
            }

            Bypass($"its file system has {free >> 20} MiB free; the next checkpoint needs {wanted >> 20} MiB, and {reserve >> 20} MiB are left to others");
            return false;
        }

        _bytesSinceSpaceCheck = 0;
        return true;
    }

    /// <summary>What the file system has free, and how much of that is not for the cache.</summary>
    private (long Free, long Reserve) FreeBytes()
    {
        try
        {
            var drive = new DriveInfo(_options.Directory);
            return (drive.AvailableFreeSpace, Math.Min(_options.FreeBytesReserve, drive.TotalSize / ReserveDivisor));
        }
        catch (IOException)
        {
            return (0, _options.FreeBytesReserve);
        }
    }

    private bool TakeCheckpoint(ChunkLog log)
    {
        _lastCheckpointAt = Stopwatch.GetTimestamp();
        _bytesSinceCheckpoint = 0;
        try
        {
            if (log.Checkpoint())
            {
                _isDirty = false;
                Interlocked.Increment(ref _checkpoints);
                return true;
            }

            Bypass(log.Writes.Failure?.Message ?? "a checkpoint failed");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Bypass(failure.Message);
        }

        return false;
    }

    private bool IsCheckpointDue =>
        _isDirty && (_bytesSinceCheckpoint >= _options.CheckpointBytes
            || Stopwatch.GetElapsedTime(_lastCheckpointAt) >= _options.CheckpointInterval);
}
