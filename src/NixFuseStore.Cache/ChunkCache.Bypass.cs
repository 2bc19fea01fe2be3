using System.Diagnostics;

namespace NixFuseStore.Cache;

public sealed partial class ChunkCache
{
    private bool IsWaitingToRetry =>
        _bypassReason is not null && Stopwatch.GetElapsedTime(Volatile.Read(ref _bypassedAt)) < _options.RetryInterval;

    /// <summary>Stops writing for a while. Reading goes on.</summary>
    private void Bypass(string reason)
    {
        Volatile.Write(ref _bypassedAt, Stopwatch.GetTimestamp());
        if (Interlocked.Exchange(ref _bypassReason, reason) is null)
        {
            _options.Notice?.Invoke($"cache {_options.Directory} is bypassed: {reason}");
        }
    }

    /// <summary>On the writer thread: goes on writing once there is space again.</summary>
    private void EndBypassIfPossible()
    {
        if (_bypassReason is null || IsWaitingToRetry || _pool is not { } pool)
        {
            return;
        }

        // FASTER was told that the failed writes were done; their blocks read as never written. There is nothing to repeat.
        pool.Log.Lanes.TakeFailure();
        _bytesSinceSpaceCheck = long.MaxValue;
        if (HasFreeSpace(pool.Log))
        {
            EndBypass();
        }
    }

    private void EndBypass()
    {
        if (Interlocked.Exchange(ref _bypassReason, null) is not null)
        {
            _options.Notice?.Invoke($"cache {_options.Directory} is used again");
        }
    }

    /// <summary>Twice and more per deadline, on a timer: notices what hangs.</summary>
    private void Watch()
    {
        var busySince = Volatile.Read(ref _busySince);
        _isStalled = busySince != 0 && Stopwatch.GetElapsedTime(busySince) > _options.StallDeadline;
        var expired = _lanes.Expire(_options.ReadDeadline);
        if (expired > 0)
        {
            Interlocked.Add(ref _timedOut, expired);
        }
    }
}
