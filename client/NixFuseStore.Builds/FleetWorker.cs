using NixFuseStore.Builds.Fleet;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds;

/// <summary>Builds what other hosts have asked for, while slots are free. Disposed, it takes nothing more.</summary>
internal sealed class FleetWorker : IAsyncDisposable
{
    /// <summary>How long the store is asked to wait for a step.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <summary>How long is waited after something failed: at first, and at most. A token that may not build is asked with, too: rights change.</summary>
    private static readonly (TimeSpan First, TimeSpan Most) s_pause = (TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

    /// <summary>A mount has other things to do when it begins.</summary>
    private static readonly TimeSpan s_delay = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_slotInterval = TimeSpan.FromMilliseconds(500);

    private readonly IBuildFleet _fleet;
    private readonly BuildNeeds _host;
    private readonly Func<bool> _hasSlot;
    private readonly Func<FleetTake, CancellationToken, Task> _build;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _taking;
    private int _failures;

    /// <param name="fleet">The hosts.</param>
    /// <param name="host">What this host has.</param>
    /// <param name="hasSlot">Whether a slot is free.</param>
    /// <param name="build">Begins what was taken; comes back when it holds a slot, or never will.</param>
    internal FleetWorker(IBuildFleet fleet, BuildNeeds host, Func<bool> hasSlot, Func<FleetTake, CancellationToken, Task> build)
    {
        _fleet = fleet;
        _host = host;
        _hasSlot = hasSlot;
        _build = build;
        _taking = Task.Run(TakeAsync);
    }

    /// <summary>What was taken could be built, whether well or not.</summary>
    internal void Succeed() => Volatile.Write(ref _failures, 0);

    /// <summary>What was taken could not be built on this host: it takes nothing for a while.</summary>
    internal void Fail() => Interlocked.Increment(ref _failures);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _taking.ConfigureAwait(false);
    }

    private async Task TakeAsync()
    {
        await Task.Delay(s_delay, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (Volatile.Read(ref _failures) is > 0 and var failures)
                {
                    await Task.Delay(PauseAfter(failures), _stop.Token).ConfigureAwait(false);
                }

                if (!_hasSlot())
                {
                    await Task.Delay(s_slotInterval, _stop.Token).ConfigureAwait(false);
                }
                else if (await _fleet.TakeAsync(_host, s_patience, _stop.Token).ConfigureAwait(false) is { } taken)
                {
                    await _build(taken, _stop.Token).ConfigureAwait(false);
                }
                else
                {
                    Succeed();
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (DaemonStoreException)
            {
                Fail();
            }
        }
    }

    private static TimeSpan PauseAfter(int failures)
    {
        var pause = s_pause.First * Math.Pow(2, Math.Min(failures - 1, 10));
        return pause < s_pause.Most ? pause : s_pause.Most;
    }
}
