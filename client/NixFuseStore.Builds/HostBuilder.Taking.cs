using NixFuseStore.Builds.Fleet;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds;

/// <content>Steps that other hosts have asked for.</content>
public sealed partial class HostBuilder
{
    /// <summary>How long one that was taken for another host may wait for a slot.</summary>
    private static readonly TimeSpan TakenPatience = TimeSpan.FromSeconds(3);

    /// <summary>How often it is looked whether another host still wants what was taken for it.</summary>
    private static readonly TimeSpan WantedInterval = TimeSpan.FromSeconds(1);

    /// <summary>Begins to build what another host wants; comes back when it has a slot, or will not get one.</summary>
    private async Task TakeAsync(FleetTake taken, CancellationToken cancellation)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var owned = new OwnedBuild(_options.Fleet, taken.Number, taken.Lease);
        SharedBuild? shared = null;
        try
        {
            var build = await _steps.ReadAsync(taken.Derivation, taken.Limits, cancellation).ConfigureAwait(false);
            var limited = build with { Limits = Limit(build.Limits) };

            // A client of this host that asks for the same finds it given up, and this host builds it for that client.
            shared = _running.TryBegin(BuildKey.Of(limited, limited.Limits), async (running, ending) =>
            {
                try
                {
                    return await BuildTakenAsync(limited, running, owned, begun, ending).ConfigureAwait(false);
                }
                finally
                {
                    begun.TrySetResult();
                }
            });
        }
        catch (Exception e) when (e is DaemonStoreException or IOException or UnauthorizedAccessException)
        {
            _worker?.Fail();
            _options.Notice($"another host's build of {taken.Derivation} is not done here: {e.Message}");
        }
        finally
        {
            if (shared is null)
            {
                await owned.DisposeAsync().ConfigureAwait(false);
                await _options.Fleet.GiveUpAsync(owned.Number).ConfigureAwait(false);
            }
        }

        if (shared is not null)
        {
            _ = StayAsync(shared);
            await begun.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async Task<StepResult> BuildTakenAsync(
        BuildStep build, SharedBuild shared, OwnedBuild owned, TaskCompletionSource begun, CancellationToken cancellation)
    {
        bool hasSlot = false;
        bool isOver = false;
        try
        {
            hasSlot = await _slots.WaitAsync(TakenPatience, cancellation).ConfigureAwait(false);
            if (!hasSlot)
            {
                await _options.Fleet.GiveUpAsync(owned.Number).ConfigureAwait(false);
                isOver = true;
                throw Failed(build, "no slot is free");
            }

            begun.TrySetResult();
            var result = await BuildOwnedAsync(build, shared, owned, cancellation).ConfigureAwait(false);
            isOver = true;
            if (result is { Status: BuildStatus.TransientFailure })
            {
                _worker?.Fail();
            }
            else
            {
                _worker?.Succeed();
            }

            return result ?? throw Failed(build, "another host has taken over");
        }
        catch (OperationCanceledException)
        {
            isOver = true;
            throw;
        }
        finally
        {
            if (!isOver)
            {
                _worker?.Fail();
            }

            await owned.DisposeAsync().ConfigureAwait(false);
            if (hasSlot)
            {
                _slots.Release();
            }
        }
    }

    /// <summary>Stands for the other hosts among those who wait, for as long as one of them does.</summary>
    private async Task StayAsync(SharedBuild shared)
    {
        try
        {
            do
            {
                await Task.WhenAny(shared.Ended, Task.Delay(WantedInterval)).ConfigureAwait(false);
            }
            while (!shared.Ended.IsCompleted && (shared.IsWantedElsewhere is not { } asks || await asks().ConfigureAwait(false)));
        }
        finally
        {
            _running.Leave(shared);
        }
    }
}
