using System.Diagnostics;
using NixFuseStore.Builds.Cells;
using NixFuseStore.Builds.Fleet;
using NixFuseStore.Builds.Outputs;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;
using NixFuseStore.Daemon.Building;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Builds;

/// <summary>
/// Builds on this host: each derivation in a cell of its own, by stock Nix. Who asks for a derivation that is being built, here or on another
/// host, waits for that build. Disposed, it ends what runs, and waits until nothing is left.
/// </summary>
public sealed partial class HostBuilder : IBuilder, IAsyncDisposable
{
    /// <summary>Bytes that a build may print where its client sets no limit; Nix's own default is none, and a disk is not.</summary>
    private const ulong LogBytesMax = 1UL << 30;

    /// <summary>How long a slot is waited for before other hosts are asked again.</summary>
    private static readonly TimeSpan SlotPatience = TimeSpan.FromSeconds(1);

    /// <summary>How often a step is tried on this host where stock Nix fails for reasons that are no fault of the build, and how long it rests.</summary>
    private const int AttemptsMax = 3;

    private static readonly TimeSpan AttemptPause = TimeSpan.FromSeconds(2);

    private readonly HostBuilderOptions _options;
    private readonly CellBuilder _cells;
    private readonly OutputImport _outputs;
    private readonly RunningBuilds _running;
    private readonly SemaphoreSlim _slots;
    private readonly StepReader _steps;
    private readonly FleetWorker? _worker;

    /// <summary>Prepares to build, and clears away what a process left behind that was killed. Blocks on the disk.</summary>
    /// <exception cref="IOException">The directory for builds cannot be used; the message says why.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public HostBuilder(HostBuilderOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _cells = new CellBuilder(options);
        _outputs = new OutputImport(options.Store);
        _running = new RunningBuilds(options.Directory);
        _slots = new SemaphoreSlim(options.JobsMax);
        if (options.Directory.Contains('?', StringComparison.Ordinal))
        {
            throw new IOException($"{options.Directory} has a '?' in its name, which stock Nix takes for the end of it");
        }

        CellSweep.Run(options.Directory, options.Notice);
        _steps = new StepReader(options.Store);
        _worker = options.BuildsForOthers ? new FleetWorker(options.Fleet, options.Host, () => _slots.CurrentCount > 0 && HostLoad.Read(options.Directory).HasRoom, TakeAsync) : null;
    }

    /// <summary>Builds at a time.</summary>
    public int JobsMax => _options.JobsMax;

    /// <summary>Whether the sandbox of this host has been proven to shut the host out, in words.</summary>
    public string Sandbox => _cells.Sandbox;

    /// <summary>What runs and waits now, in the order in which it was asked for. Any thread.</summary>
    public IReadOnlyList<BuildState> List() => _running.List();

    /// <inheritdoc cref="RunningBuilds.LookOnAsync"/>
    public Task<StepResult> LookOnAsync(string name, Func<string, ValueTask> line, CancellationToken cancellationToken) =>
        _running.LookOnAsync(name, line, cancellationToken);

    /// <inheritdoc/>
    public async Task<StepResult> BuildAsync(BuildStep build, Func<string, ValueTask> logLine, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(build);
        ArgumentNullException.ThrowIfNull(logLine);
        var limited = build with { Limits = Limit(build.Limits) };
        SharedBuild shared;
        try
        {
            shared = _running.Join(BuildKey.Of(limited, limited.Limits), (running, cancellation) => RunAsync(limited, running, cancellation));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(build, $"the directory for builds cannot be used: {e.Message}", e);
        }

        try
        {
            await shared.Log.FollowAsync(logLine, cancellationToken).ConfigureAwait(false);
            return await shared.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _running.Leave(shared);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_worker is not null)
        {
            await _worker.DisposeAsync().ConfigureAwait(false);
        }

        await _running.DisposeAsync().ConfigureAwait(false);
        await _cells.DisposeAsync().ConfigureAwait(false);
        _slots.Dispose();
    }

    private async Task<StepResult> RunAsync(BuildStep build, SharedBuild shared, CancellationToken cancellation)
    {
        try
        {
            return build.Checks
                ? await CheckAsync(build, shared, cancellation).ConfigureAwait(false)
                : await BuildOnceAsync(build, shared, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CellException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw Failed(build, e.Message, e);
        }
    }

    /// <summary>What the outputs came to whose paths depend on their content, by name.</summary>
    private async Task<IReadOnlyDictionary<string, StorePath>> FindOutputsAsync(BuildStep build, CancellationToken cancellation)
    {
        var outputs = new Dictionary<string, StorePath>(StringComparer.Ordinal);
        foreach (var (name, id) in build.RealisationIds)
        {
            outputs[name] = Realisation.TryParse(await _options.Store.FindRealisationAsync(id, cancellation).ConfigureAwait(false) ?? "", out var realisation)
                ? realisation.OutPath
                : throw Failed(build, $"what its output '{name}' came to is not known any more");
        }

        return outputs;
    }

    /// <summary>Builds it here, or waits for another host that does, until there is a result that counts here.</summary>
    private async Task<StepResult> BuildOnceAsync(BuildStep build, SharedBuild shared, CancellationToken cancellation)
    {
        var place = BuildPlace.Of(build, _options);
        var wanted = FleetStep.Of(shared.Key, build, place.IsHere);
        var waited = Stopwatch.StartNew();
        FollowedBuild? followed = null;
        bool hasSlot = false;
        int attempts = 0;
        try
        {
            while (true)
            {
                // 1. Another may have registered them meanwhile.
                hasSlot = hasSlot || (waited.Elapsed >= place.Patience && await TryGetSlotAsync(build, place, TimeSpan.Zero, cancellation).ConfigureAwait(false));
                var claim = await _options.Fleet.ClaimAsync(wanted, claims: hasSlot, cancellation).ConfigureAwait(false);
                if (claim.IsValid)
                {
                    return await AdoptAsync(build, new StepResult(BuildStatus.AlreadyValid, ""), cancellation).ConfigureAwait(false);
                }

                // 2. This host's to build.
                if (claim.Owned > 0)
                {
                    try
                    {
                        var owned = new OwnedBuild(_options.Fleet, claim.Owned, claim.Lease);
                        if (await BuildOwnedAsync(build, shared, owned, cancellation).ConfigureAwait(false) is { } result)
                        {
                            return result;
                        }
                    }
                    catch (CellException e) when (e.MayPass && ++attempts < AttemptsMax)
                    {
                        await shared.Log.AppendAsync($"({e.Message}; it is tried again)").ConfigureAwait(false);
                        await Task.Delay(AttemptPause, cancellation).ConfigureAwait(false);
                    }
                }

                // 3. Another's; while it waits for a host, this one may get a slot.
                else if (claim.Open is { } open)
                {
                    if (hasSlot)
                    {
                        _slots.Release();
                        hasSlot = false;
                    }

                    followed = followed?.Number == open.Number ? followed : new FollowedBuild(_options.Fleet, open.Number, shared.Log);
                    (var result, hasSlot) = await FollowOrGetSlotAsync(
                        build, shared, wanted, open, followed, ct => GetSlotAsync(build, place, waited, ct), cancellation).ConfigureAwait(false);
                    if (result is not null)
                    {
                        return result;
                    }
                }

                // 4. No host builds it, and it is not to be offered.
                else if (!hasSlot)
                {
                    hasSlot = await TryGetSlotAsync(build, place, SlotPatience, cancellation).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            if (hasSlot)
            {
                _slots.Release();
            }
        }
    }

    private Task<bool> TryGetSlotAsync(BuildStep build, BuildPlace place, TimeSpan patience, CancellationToken cancellation) =>
        place.WhyNeverHere is { } why ? throw Failed(build, why) : _slots.WaitAsync(patience, cancellation);

    private async Task GetSlotAsync(BuildStep build, BuildPlace place, Stopwatch waited, CancellationToken cancellation)
    {
        if (place.Patience > waited.Elapsed)
        {
            await Task.Delay(place.Patience - waited.Elapsed, cancellation).ConfigureAwait(false);
        }

        await TryGetSlotAsync(build, place, Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(false);
    }

    private async Task<(StepResult? Result, bool HasSlot)> FollowOrGetSlotAsync(
        BuildStep build,
        SharedBuild shared,
        FleetStep wanted,
        FleetBuild open,
        FollowedBuild followed,
        Func<CancellationToken, Task> getSlot,
        CancellationToken cancellation)
    {
        if (!open.IsQueued)
        {
            return (await FollowAsync(build, shared, wanted, open, followed, cancellation).ConfigureAwait(false), false);
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var following = FollowAsync(build, shared, wanted, open, followed, ending.Token);
        var slot = getSlot(ending.Token);
        await Task.WhenAny(following, slot).ConfigureAwait(false);
        await ending.CancelAsync().ConfigureAwait(false);
        await slot.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        bool hasSlot = slot.IsCompletedSuccessfully;
        try
        {
            return (await following.ConfigureAwait(false), hasSlot);
        }
        catch (OperationCanceledException) when (hasSlot && !cancellation.IsCancellationRequested)
        {
            return (null, true);
        }
        catch
        {
            if (hasSlot)
            {
                _slots.Release();
            }

            throw;
        }
    }

    /// <summary>Waits for another host; null where the step is to be claimed anew.</summary>
    private async Task<StepResult?> FollowAsync(
        BuildStep build, SharedBuild shared, FleetStep wanted, FleetBuild open, FollowedBuild followed, CancellationToken cancellation)
    {
        shared.Host = open.IsQueued ? null : open.Host;
        try
        {
            var last = await followed.FollowAsync(host => shared.Host = host, cancellation).ConfigureAwait(false);
            switch (last.State)
            {
                case FleetState.Cancelled:
                    throw CancelledByAdministrator(build);
                case FleetState.Ended when last.Result is { IsSuccess: true } result:
                    return await AdoptAsync(build, result, cancellation).ConfigureAwait(false);
                case FleetState.Ended when last.Result is { } failure && last.Terms?.FailsAlsoFor(wanted) == true:
                    return failure;
                case FleetState.Ended:
                    await shared.Log.AppendAsync("(another host could not build it as it was asked to; it is tried again)").ConfigureAwait(false);
                    return null;
                default:
                    if (shared.Host is { } host)
                    {
                        await shared.Log.AppendAsync($"({host} does not build it any more; it begins anew)").ConfigureAwait(false);
                    }

                    return null;
            }
        }
        finally
        {
            shared.Host = null;
        }
    }

    /// <summary>Builds what is this host's to build; null where another host has taken over.</summary>
    private async Task<StepResult?> BuildOwnedAsync(BuildStep build, SharedBuild shared, OwnedBuild owned, CancellationToken cancellation)
    {
        await using (owned.ConfigureAwait(false))
        {
            owned.Attach(shared.Log);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, owned.Lost);
            bool isOver = false;
            try
            {
                shared.IsRunning = true;
                shared.IsWantedElsewhere = owned.IsWantedElsewhereAsync;
                var result = await BuildAndRegisterAsync(build, shared, owned, ending.Token).ConfigureAwait(false);
                isOver = result is not null;
                return result;
            }
            catch (OperationCanceledException) when (owned.Lost.IsCancellationRequested && !cancellation.IsCancellationRequested)
            {
                // Nothing of it counts any more.
            }
            finally
            {
                shared.IsRunning = false;
                shared.IsWantedElsewhere = null;
                if (!isOver && !owned.Lost.IsCancellationRequested)
                {
                    await _options.Fleet.GiveUpAsync(owned.Number).ConfigureAwait(false);
                }
            }

            if (owned.IsCancelled)
            {
                throw CancelledByAdministrator(build);
            }

            shared.CleanUp();
            await shared.Log.AppendAsync("(this execution is not this host's any more)").ConfigureAwait(false);
            return null;
        }
    }

    private async Task<StepResult?> BuildAndRegisterAsync(BuildStep build, SharedBuild shared, OwnedBuild owned, CancellationToken cancellation)
    {
        // 1. Built.
        var inputs = await InputClosure.FindAsync(_options.Store, build.Inputs, cancellation).ConfigureAwait(false);
        var (result, made, cell) = await _cells.BuildAsync(build, shared, inputs, cancellation).ConfigureAwait(false);

        // 2. Registered, with its log; all of it or nothing.
        var end = result.IsSuccess
            ? await _outputs.ImportAsync(
                build, made, inputs, cell.PathOf, imported => FinishAsync(build, owned, result, imported, cancellation), cancellation).ConfigureAwait(false)
            : await FinishAsync(build, owned, result, [], cancellation).ConfigureAwait(false);
        return end switch
        {
            FleetEnd.Registered => result,
            FleetEnd.OthersValid => await AdoptAsync(build, new StepResult(BuildStatus.AlreadyValid, ""), cancellation).ConfigureAwait(false),
            FleetEnd.Cancelled => throw CancelledByAdministrator(build),
            _ => null,
        };
    }

    /// <summary>A success of another's: this host sees the outputs when it comes back.</summary>
    private async Task<StepResult> AdoptAsync(BuildStep build, StepResult result, CancellationToken cancellation)
    {
        var outputs = await FindOutputsAsync(build, cancellation).ConfigureAwait(false);
        await _options.Fleet.AdoptAsync([.. build.Outputs.Values, .. outputs.Values], cancellation).ConfigureAwait(false);
        return result with { Outputs = outputs };
    }

    private async Task<FleetEnd> FinishAsync(
        BuildStep build, OwnedBuild owned, StepResult result, IReadOnlyList<BuiltOutput> outputs, CancellationToken cancellation)
    {
        var log = owned.OpenLog();
        await using (log.ConfigureAwait(false))
        {
            return await _options.Fleet.FinishAsync(owned.Number, build, result, outputs, log, cancellation).ConfigureAwait(false);
        }
    }

    // As they count here, so that requests which differ in nothing that counts are one build. 0 stands for no limit.
    private BuildLimits Limit(BuildLimits asked) => asked with
    {
        MaxLogSize = asked.MaxLogSize == 0 ? LogBytesMax : Math.Min(asked.MaxLogSize, LogBytesMax),
        Cores = asked.Cores is { } cores and > 0 ? Math.Min(cores, (ulong)_options.Cores) : (ulong)_options.Cores,
    };

    private DaemonStoreException CancelledByAdministrator(BuildStep build) =>
        new($"the build of '{_options.Store.Directory.Print(build.Path)}' was cancelled by an administrator");

    private DaemonStoreException Failed(BuildStep build, string why, Exception cause) => new(FailureLine(build, why), cause);

    private DaemonStoreException Failed(BuildStep build, string why) => new(FailureLine(build, why));

    private string FailureLine(BuildStep build, string why) => $"cannot build '{_options.Store.Directory.Print(build.Path)}': {why.TrimEnd('.')}";
}
