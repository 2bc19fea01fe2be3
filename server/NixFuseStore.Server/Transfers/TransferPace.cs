using Grpc.Core;

namespace NixFuseStore.Server.Transfers;

/// <summary>
/// Ends a transfer whose peer is slower than a minimum rate. Kestrel's own rates cannot do it: on HTTP/2 they cannot be set for a request,
/// and they do not count a stream that waits for its flow-control window. Waits of one transfer do not overlap; <see cref="End"/> and
/// <see cref="StalledFor"/> may be called from any thread.
/// </summary>
internal sealed class TransferPace : IDisposable
{
    private readonly TransferRate _rate;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _end;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenRegistration _interrupting;

    /// <summary>What is left for waiting: every wait takes from it, every byte gives to it, and it is never more than the grace.</summary>
    private TimeSpan _credit;

    /// <summary>When the wait of now began; 0 outside of waits.</summary>
    private long _waitingSince;

    private volatile string? _reason;

    /// <param name="rate">The least rate.</param>
    /// <param name="time">The clock of waits.</param>
    /// <param name="caller">Gives the transfer up.</param>
    /// <param name="interrupt">Ends a wait that does not look at the token: see <see cref="PacedReadStream"/>.</param>
    public TransferPace(TransferRate rate, TimeProvider time, CancellationToken caller, Action? interrupt = null)
    {
        _rate = rate;
        _time = time;
        _caller = caller;
        _credit = rate.Grace;
        _end = CancellationTokenSource.CreateLinkedTokenSource(caller);
        _interrupting = interrupt is null ? default : _end.Token.Register(() => Interrupt(interrupt));
    }

    /// <summary>Cancelled when the transfer has to end, for whatever reason.</summary>
    public CancellationToken Token => _end.Token;

    /// <summary>How long the peer has been waited for without a break.</summary>
    public TimeSpan StalledFor => Volatile.Read(ref _waitingSince) is var since and not 0 ? _time.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>Ends the transfer; the reason is told to the peer where that is still possible.</summary>
    public void End(string reason)
    {
        _reason ??= reason;
        try
        {
            _end.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended meanwhile.
        }
    }

    /// <summary>Waits for the peer within the time that is left.</summary>
    /// <exception cref="RpcException">DEADLINE_EXCEEDED: it was too slow; or the transfer was ended.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask<T> WaitAsync<T>(Func<CancellationToken, ValueTask<T>> wait, Func<T, long> bytesOf)
    {
        var pending = wait(_end.Token);
        if (pending.IsCompletedSuccessfully)
        {
            var done = pending.Result;
            Earn(bytesOf(done));
            return done;
        }

        var since = _time.GetTimestamp();
        Volatile.Write(ref _waitingSince, since);
        _end.CancelAfter(_credit > TimeSpan.Zero ? _credit : TimeSpan.FromMilliseconds(1));
        try
        {
            var result = await pending.ConfigureAwait(false);
            _credit -= _time.GetElapsedTime(since);
            Earn(bytesOf(result));
            return result;
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested && !_caller.IsCancellationRequested)
        {
            throw new RpcException(new Status(
                StatusCode.DeadlineExceeded,
                _reason ?? $"the transfer was ended: the other side was slower than {_rate.BytesPerSecond} bytes a second for {_rate.Grace.TotalSeconds:F0} s"));
        }
        finally
        {
            _end.CancelAfter(Timeout.InfiniteTimeSpan);
            Volatile.Write(ref _waitingSince, 0);
        }
    }

    public void Dispose()
    {
        _interrupting.Dispose();
        _end.Dispose();
    }

    /// <summary>A body that its client has broken off says so to those that interrupt it, too.</summary>
    private static void Interrupt(Action interrupt)
    {
        try
        {
            interrupt();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            // Its reader learns the same.
        }
    }

    private void Earn(long bytes)
    {
        var earned = _credit + TimeSpan.FromSeconds((double)bytes / _rate.BytesPerSecond);
        _credit = earned < _rate.Grace ? earned : _rate.Grace;
    }
}

/// <summary>How slow a peer may be. Only time counts in which the server waits for the peer.</summary>
/// <param name="BytesPerSecond">The least that a peer has to take or send.</param>
/// <param name="Grace">How long it may stop altogether.</param>
internal sealed record TransferRate(int BytesPerSecond, TimeSpan Grace)
{
    /// <summary>That of transfers which have bounds of their own.</summary>
    public static TransferRate Unbounded { get; } = new(1, TimeSpan.FromDays(1));
}
