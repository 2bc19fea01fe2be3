using System.Diagnostics;

namespace NixFuseStore.Cache;

public sealed partial class ChunkCache
{
    /// <summary>Most that is waited between two attempts to open or write, when the disk fails again and again.</summary>
    private static readonly TimeSpan s_retryIntervalMax = TimeSpan.FromSeconds(5);

    /// <summary>A bypass so soon after the last one doubles the wait.</summary>
    private static readonly TimeSpan s_relapse = TimeSpan.FromSeconds(10);

    /// <summary>Relapses are told no more often, so that a dying disk does not fill the log.</summary>
    private static readonly TimeSpan s_relapseNotice = TimeSpan.FromMinutes(1);

    private readonly Lock _bypassLock = new();
    private TimeSpan _retryInterval;
    private long _bypassEndedAt;
    private long _bypassToldAt;
    private bool _isBypassTold;

    private bool IsWaitingToRetry =>
        _bypassReason is not null && Stopwatch.GetElapsedTime(Volatile.Read(ref _bypassedAt)) < _retryInterval;

    /// <summary>Stops writing for a while. Reading goes on.</summary>
    private void Bypass(string reason)
    {
        lock (_bypassLock)
        {
            Volatile.Write(ref _bypassedAt, Stopwatch.GetTimestamp());
            if (_bypassReason is not null)
            {
                _bypassReason = reason;
                return;
            }

            var isRelapse = _bypassEndedAt != 0 && Stopwatch.GetElapsedTime(_bypassEndedAt) < s_relapse;
            _retryInterval = !isRelapse ? _options.RetryInterval
                : _retryInterval * 2 < s_retryIntervalMax ? _retryInterval * 2 : s_retryIntervalMax;
            _bypassReason = reason;
            _isBypassTold = !isRelapse || Stopwatch.GetElapsedTime(_bypassToldAt) > s_relapseNotice;
            if (!_isBypassTold)
            {
                return;
            }

            _bypassToldAt = Stopwatch.GetTimestamp();
        }

        _options.Notice?.Invoke($"cache {_options.Directory} is bypassed: {reason}");
    }

    /// <summary>On the writer thread: goes on writing once there is space again.</summary>
    private void EndBypassIfPossible()
    {
        if (_bypassReason is null || IsWaitingToRetry || _log is not { } log)
        {
            return;
        }

        // FASTER was told that the failed writes were done; the next checkpoint drops what they held. There is nothing to repeat.
        log.Writes.TakeFailure();
        _bytesSinceSpaceCheck = long.MaxValue;
        if (HasFreeSpace(log))
        {
            EndBypass();
        }
    }

    private void EndBypass()
    {
        lock (_bypassLock)
        {
            if (_bypassReason is null)
            {
                return;
            }

            _bypassReason = null;
            _bypassEndedAt = Stopwatch.GetTimestamp();
            if (!_isBypassTold)
            {
                return;
            }
        }

        _options.Notice?.Invoke($"cache {_options.Directory} is used again");
    }

    /// <summary>Twice and more per deadline, on a timer: notices what hangs.</summary>
    private void Watch()
    {
        var busySince = Volatile.Read(ref _busySince);
        _isStalled = busySince != 0 && Stopwatch.GetElapsedTime(busySince) > _options.StallDeadline;
        var expired = _lanes.Expire();
        if (expired > 0)
        {
            Interlocked.Add(ref _timedOut, expired);
        }
    }
}
