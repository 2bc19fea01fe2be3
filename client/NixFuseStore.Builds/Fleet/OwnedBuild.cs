using System.Diagnostics;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds.Fleet;

/// <summary>
/// An execution of this host: says that it lives, and what it prints where other hosts wait. While the store is away the build goes on; whether it
/// may still be registered shows when the store is back. Any thread.
/// </summary>
internal sealed class OwnedBuild : IAsyncDisposable
{
    /// <summary>Bytes of the log that are sent at once.</summary>
    private const int PieceBytes = 1 << 20;

    /// <summary>Bytes of the log that other hosts hear while it runs; as many as are kept.</summary>
    private const long LiveBytesMax = 64L << 20;

    /// <summary>How often those who wait hear more.</summary>
    private static readonly TimeSpan s_liveInterval = TimeSpan.FromMilliseconds(300);

    private readonly IBuildFleet _fleet;
    private readonly TimeSpan _lease;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _lost = new();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Task _renewing;
    private BuildLog? _log;
    private long _logStart;
    private long _sent;
    private int _waiters;
    private long? _away;
    private long? _refused;

    /// <param name="fleet">The hosts.</param>
    /// <param name="number">The execution, which is this host's.</param>
    /// <param name="lease">How long the host is believed to live unless it is heard.</param>
    internal OwnedBuild(IBuildFleet fleet, ulong number, TimeSpan lease)
    {
        _fleet = fleet;
        _lease = lease;
        Number = number;
        _renewing = Task.Run(RenewAsync);
    }

    /// <summary>What is printed from now on is its log. To be called once.</summary>
    internal void Attach(BuildLog log)
    {
        _logStart = log.Length;
        Volatile.Write(ref _log, log);
    }

    /// <summary>Its number.</summary>
    internal ulong Number { get; }

    /// <summary>Whether an administrator has ended it.</summary>
    internal bool IsCancelled { get; private set; }

    /// <summary>Cancelled when the execution is not this host's any more: it is to be ended at once.</summary>
    internal CancellationToken Lost => _lost.Token;

    /// <summary>All that this execution has printed. The caller disposes the stream.</summary>
    internal Stream OpenLog() => _log!.OpenText(_logStart);

    /// <summary>Whether other hosts wait for it; while the store is away, whether they did.</summary>
    internal async Task<bool> IsWantedElsewhereAsync()
    {
        try
        {
            await RenewOnceAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }

        return Volatile.Read(ref _waiters) > 0 && !Lost.IsCancellationRequested;
    }

    /// <summary>Is not heard any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
    }

    private async Task RenewAsync()
    {
        try
        {
            while (!Lost.IsCancellationRequested)
            {
                await Task.Delay(Volatile.Read(ref _waiters) > 0 ? s_liveInterval : _lease / 4, _stop.Token).ConfigureAwait(false);
                await RenewOnceAsync(_stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private async Task RenewOnceAsync(CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var log = ReadOnlyMemory<byte>.Empty;
            if (Volatile.Read(ref _waiters) > 0 && Volatile.Read(ref _log) is { } printed)
            {
                byte[] piece = new byte[Math.Clamp(Math.Min(printed.Length - _logStart, LiveBytesMax) - _sent, 0, PieceBytes)];
                log = piece.AsMemory(0, await printed.ReadAsync(piece, _logStart + _sent, cancellation).ConfigureAwait(false));
            }

            var renewal = await _fleet.RenewAsync(Number, _sent, log, cancellation).ConfigureAwait(false);
            _refused = null;
            if (renewal.State == FleetState.Running)
            {
                _sent = renewal.LogBytes;

                // Behind an outage those who wait may come back later than this host.
                if (renewal.Waiters > 0 || _away is not { } away || Stopwatch.GetElapsedTime(away) > _lease)
                {
                    Volatile.Write(ref _waiters, renewal.Waiters);
                }
            }
            else
            {
                IsCancelled = renewal.State == FleetState.Cancelled;
                await _lost.CancelAsync().ConfigureAwait(false);
            }
        }
        catch (DaemonStoreException e) when (_fleet.IsRefusal(e))
        {
            // Who puts another token in its place has as long as a lease for it; then another host may have taken over, and what is built here is not wanted.
            _refused ??= Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(_refused.Value) > _lease)
            {
                await _lost.CancelAsync().ConfigureAwait(false);
            }
        }
        catch (DaemonStoreException)
        {
            // The store is away. Nothing is lost before it says so.
            _away = Stopwatch.GetTimestamp();
        }
        finally
        {
            _turn.Release();
        }
    }
}
