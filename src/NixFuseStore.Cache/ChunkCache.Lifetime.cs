using System.Diagnostics;
using NixFuseStore.Cache.Log;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Cache;

public sealed partial class ChunkCache
{
    /// <summary>A log that failed so often, each time within <see cref="s_givenUpInterval"/> of the last, is not recovered again.</summary>
    private const int GivenUpTimesMax = 3;

    /// <summary>Attempts, one a second or fewer, at a log whose disk gives read errors, before it counts as lost.</summary>
    private const int UnreadableAttemptsMax = 300;

    private static readonly TimeSpan s_givenUpInterval = TimeSpan.FromMinutes(10);

    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private volatile string? _bypassReason;
    private volatile bool _isStalled;
    private volatile ChunkLog? _givenUp;
    private string _giveUpReason = "";
    private Exception? _giveUpFailure;
    private long _givenUpAt;
    private int _unreadableAttempts;
    private int _givenUpTimes;
    private long _bypassedAt;
    private long _busySince; // a time stamp while the writer does something; 0 while it waits
    private TimeSpan? _openTime;
    private long _recoveredEntries;

    private TimeSpan WatchInterval
    {
        get
        {
            var shortest = _options.ReadDeadline < _options.StallDeadline ? _options.ReadDeadline : _options.StallDeadline;
            return TimeSpan.FromMilliseconds(Math.Clamp(shortest.TotalMilliseconds / 4, 20, 1000));
        }
    }

    private string? StallReason => _isStalled || _lanes.IsStalled ? "the disk does not answer" : null;

    private void Stop()
    {
        lock (_queueLock)
        {
            _stopping = true;
            Monitor.PulseAll(_queueLock);
        }
    }

    /// <summary>The writer thread from beginning to end.</summary>
    private void RunWriter()
    {
        try
        {
            while (TakeTurn())
            {
            }
        }
        finally
        {
            // Only now may another process have the directory.
            Close();
            _directoryLock?.Dispose();
            _ended.TrySetResult();
        }
    }

    /// <summary>Opens, waits, or does one thing.</summary>
    private bool TakeTurn()
    {
        try
        {
            // 1. An open log, if it can be had.
            if (_givenUp is { } broken)
            {
                Reopen(broken);
            }

            if (_log is null && !IsWaitingToRetry && (_directoryLock is not null || TryTakeDirectory()))
            {
                Open();
            }

            // 2. Something to do.
            var (work, offer, drop, errand) = Next();
            if (work == Work.Stop)
            {
                return false;
            }

            // 3. Do it.
            Volatile.Write(ref _busySince, Stopwatch.GetTimestamp());
            var log = _log;
            switch (work)
            {
                case Work.Errand:
                    errand!();
                    break;
                case Work.Drop when log is not null:
                    _isDirty |= log.Keys.Remove(drop);
                    break;
                case Work.Offer:
                    StoreOrDrop(log, offer.Chunk, offer.Id);
                    break;
            }

            EndBypassIfPossible();
            if (log is not null && _bypassReason is null && IsCheckpointDue)
            {
                TakeCheckpoint(log);
            }
        }
        catch (Exception failure)
        {
            // A cache must never end the process that it is meant to speed up.
            if (_log is { } log)
            {
                GiveUp(log, failure);
            }
            else
            {
                // It could not be opened, for a reason that was not foreseen; who waits for that must hear of it.
                Bypass(OneLine(failure));
                _opened.TrySetException(new IOException(OneLine(failure), failure));
            }
        }
        finally
        {
            Volatile.Write(ref _busySince, 0);
        }

        return true;
    }

    private void StoreOrDrop(ChunkLog? log, Content.ChunkBuffer chunk, in Content.ChunkId id)
    {
        try
        {
            if (log is not null && _bypassReason is null)
            {
                Store(log, chunk, id);
            }
            else
            {
                Interlocked.Increment(ref _dropped);
            }
        }
        finally
        {
            chunk.Release();
        }
    }

    /// <summary>Waits for work. Drops go first: what was found damaged must be gone when it is offered again.</summary>
    private (Work Work, (Content.ChunkBuffer Chunk, Content.ChunkId Id) Offer, ulong Drop, Action? Errand) Next()
    {
        lock (_queueLock)
        {
            if (_drops.Count == 0 && _errands.Count == 0 && _offers.Count == 0 && !_stopping)
            {
                Monitor.Wait(_queueLock, IdleTime);
            }

            if (_drops.TryDequeue(out var drop))
            {
                return (Work.Drop, default, drop, null);
            }

            if (_errands.TryDequeue(out var errand))
            {
                return (Work.Errand, default, 0, errand);
            }

            if (_offers.TryDequeue(out var offer))
            {
                _queuedBytes -= offer.Chunk.Length;
                return (Work.Offer, offer, 0, null);
            }

            return (_stopping ? Work.Stop : Work.None, default, 0, null);
        }
    }

    /// <summary>How long the writer may sleep when nothing is wanted.</summary>
    private TimeSpan IdleTime =>
        _bypassReason is not null ? _options.RetryInterval
        : _isDirty ? TimeSpan.FromMilliseconds(Math.Max(1, (_options.CheckpointInterval - Stopwatch.GetElapsedTime(_lastCheckpointAt)).TotalMilliseconds))
        : Timeout.InfiniteTimeSpan;

    private void Open()
    {
        try
        {
            var log = RecoverOrCreate();
            _recoveredEntries = log.Keys.Count;
            _openTime ??= Stopwatch.GetElapsedTime(_startedAt);
            _log = log;
            _isDirty = false;
            _lastCheckpointAt = Stopwatch.GetTimestamp();
            _bytesSinceSpaceCheck = long.MaxValue;
            EndBypass();
            _opened.TrySetResult();

            // The cap may be smaller than last time.
            MakeRoom(log, 0);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            Bypass(failure.Message);
            _opened.TrySetException(failure as IOException ?? new IOException(OneLine(failure), failure));
        }
    }

    /// <summary>Takes the directory where that was not possible before (<see cref="OpenInBackground"/>), and bypasses when it still is not.</summary>
    private bool TryTakeDirectory()
    {
        try
        {
            _directoryLock = CacheLock.TakeDirectory(_options.Directory);
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Bypass(OneLine(failure));
            _opened.TrySetException(failure);
            return false;
        }
    }

    private ChunkLog RecoverOrCreate()
    {
        var read = RecoverOrProveDamage();
        _unreadableAttempts = 0;
        return read ?? ChunkLog.Create(_options);
    }

    /// <summary>What lies in the directory; null where nothing does, or what does is damaged, which is told.</summary>
    /// <exception cref="IOException">It cannot be read now. It stays as it is, and is tried again.</exception>
    private ChunkLog? RecoverOrProveDamage()
    {
        try
        {
            if (_givenUpTimes >= GivenUpTimesMax)
            {
                _givenUpTimes = 0;
                _options.Notice?.Invoke($"cache {_options.Directory} keeps failing ({_giveUpReason}); it starts empty");
            }
            else if (ChunkLog.Recover(_options) is { } recovered)
            {
                return recovered.IsOfAnotherSize ? Resize(recovered) : recovered;
            }
        }
        catch (Exception failure) when (ChunkLog.IsDamage(failure) || IsUnreadableForGood(failure))
        {
            // A cache may always be empty; but what is whole and cannot be had at this moment is not given up for it.
            _options.Notice?.Invoke($"cache {_options.Directory} cannot be recovered ({OneLine(failure)}); it starts empty");
        }

        return null;
    }

    /// <summary>The same part of the disk has given errors for minutes: those bytes are lost.</summary>
    private bool IsUnreadableForGood(Exception failure)
    {
        _unreadableAttempts = DiskErrors.IsMedium(failure) ? _unreadableAttempts + 1 : 0;
        return _unreadableAttempts >= UnreadableAttemptsMax;
    }

    /// <summary>Takes a log out of use, on any thread; the writer disposes of it and opens anew.</summary>
    private void GiveUp(ChunkLog log, Exception failure)
    {
        if (Interlocked.CompareExchange(ref _log, null, log) == log)
        {
            _giveUpReason = OneLine(failure);
            _giveUpFailure = failure;
            _givenUp = log;
            Bypass(_giveUpReason);
            lock (_queueLock)
            {
                Monitor.Pulse(_queueLock);
            }
        }
    }

    private void Reopen(ChunkLog broken)
    {
        _givenUp = null;

        // Only what it stumbles over again and again says something of the files.
        _givenUpTimes = !ChunkLog.IsDamage(_giveUpFailure!) ? 0
            : Stopwatch.GetElapsedTime(_givenUpAt) > s_givenUpInterval ? 1
            : _givenUpTimes + 1;
        _givenUpAt = Stopwatch.GetTimestamp();
        broken.Dispose();
    }

    /// <summary>The end of the writer: a last checkpoint, then everything is let go.</summary>
    private void Close()
    {
        _lanes.Dispose();
        var log = _log;
        if (log is not null)
        {
            try
            {
                if (_isDirty && _bypassReason is null)
                {
                    Volatile.Write(ref _busySince, Stopwatch.GetTimestamp());
                    TakeCheckpoint(log);
                }
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                _options.Notice?.Invoke($"cache {_options.Directory}: no last checkpoint ({OneLine(failure)})");
            }

            _log = null;
            log.Dispose();
        }

        lock (_queueLock)
        {
            while (_offers.TryDequeue(out var offer))
            {
                offer.Chunk.Release();
            }
        }

        _opened.TrySetException(new IOException($"cache {_options.Directory} was closed"));
        _ = _opened.Task.Exception; // there may be no waiter
    }

    private static string OneLine(Exception failure) => failure.Message.ReplaceLineEndings(" ");

    private enum Work
    {
        None,
        Drop,
        Errand,
        Offer,
        Stop,
    }
}
