using NixFuseStore.Builds.Cells;
using NixFuseStore.Builds.Outputs;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds;

/// <summary>
/// Builds on this host: each derivation in a cell of its own, by stock Nix. Who asks for a derivation that is being built waits for that
/// build. Disposed, it ends what runs.
/// </summary>
public sealed class HostBuilder : IBuilder, IAsyncDisposable
{
    /// <summary>Bytes that a build may print where its client sets no limit; Nix's own default is none, and a disk is not.</summary>
    private const ulong LogBytesMax = 1UL << 30;

    private readonly HostBuilderOptions _options;
    private readonly OutputImport _outputs;
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<BuildKey, SharedBuild> _running = [];

    /// <summary>Prepares to build, and clears away what a process left behind that was killed. Blocks on the disk.</summary>
    /// <exception cref="DaemonStoreException">This host cannot build; the message says what it lacks.</exception>
    public HostBuilder(HostBuilderOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _outputs = new OutputImport(options.Store);
        _slots = new SemaphoreSlim(options.JobsMax);
        CellSweep.Run(options.Directory, options.Notice);
    }

    /// <inheritdoc/>
    public async Task<StepResult> BuildAsync(BuildStep build, Func<string, ValueTask> logLine, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(build);
        ArgumentNullException.ThrowIfNull(logLine);

        // Who wants to know whether it comes out the same twice gets an execution of his own.
        var key = new BuildKey(build.Path, build.Limits, build.Checks ? new object() : null);
        var shared = Join(key, build);
        try
        {
            await shared.Log.FollowAsync(logLine, cancellationToken).ConfigureAwait(false);
            return await shared.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Leave(key, shared);
        }
    }

    /// <summary>Builds at a time.</summary>
    public int JobsMax => _options.JobsMax;

    /// <summary>What runs and waits now, in the order in which it was asked for. Any thread.</summary>
    public IReadOnlyList<BuildState> List()
    {
        lock (_gate)
        {
            return [.. _running.Select(static build => new BuildState(build.Key.Path, build.Value.IsRunning, build.Value.Since, build.Value.Waiters))
                .OrderBy(static build => build.Since)];
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        SharedBuild[] running;
        lock (_gate)
        {
            running = [.. _running.Values];
        }

        foreach (var build in running)
        {
            await build.Ended.ConfigureAwait(false);
        }

        _stopping.Dispose();
        _slots.Dispose();
    }

    private SharedBuild Join(BuildKey key, BuildStep build)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, this);
            if (!_running.TryGetValue(key, out var shared))
            {
                shared = new SharedBuild(_options.Directory, _stopping.Token);
                _running.Add(key, shared);
                shared.Start((running, cancellation) => RunAsync(build, running, cancellation));
            }

            shared.Waiters++;
            return shared;
        }
    }

    private void Leave(BuildKey key, SharedBuild shared)
    {
        lock (_gate)
        {
            if (--shared.Waiters > 0)
            {
                return;
            }

            // Who comes now begins anew.
            _running.Remove(key);
        }

        shared.Abandon();
    }

    private async Task<StepResult> RunAsync(BuildStep build, SharedBuild shared, CancellationToken cancellation)
    {
        await _slots.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            shared.IsRunning = true;

            // Somebody else may have been faster, here or on another host.
            var outputs = build.Outputs.Values.ToArray();
            if (!build.Checks && (await _options.Store.FilterValidAsync(outputs, cancellation).ConfigureAwait(false)).Count == outputs.Length)
            {
                return new StepResult(BuildStatus.AlreadyValid, "");
            }

            return await BuildInCellAsync(build, shared.Log, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CellException or WorkerClientException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new DaemonStoreException($"cannot build '{_options.Store.Directory.Print(build.Path)}': {e.Message.TrimEnd('.')}", e);
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task<StepResult> BuildInCellAsync(BuildStep build, BuildLog log, CancellationToken cancellation)
    {
        var directory = _options.Store.Directory;
        var inputs = await InputClosure.FindAsync(_options.Store, build.Inputs, cancellation).ConfigureAwait(false);

        // Outputs are compared where they are valid in the cell.
        var valid = build.Checks
            ? await InputClosure.FindAsync(_options.Store, [.. build.Inputs, .. build.Outputs.Values], cancellation).ConfigureAwait(false)
            : inputs;
        using var cell = Cell.Create(_options.Directory, directory, valid.Values, _options.Notice);

        // 1. Built. What the process has to say of itself stands in the error, where it ends early.
        StepResult result;
        var made = new List<PathInfo>();
        var process = CellProcess.Start(cell, _options.MountedStore, directory, StockNix.Find(_options.NixPrograms));
        await using (process.ConfigureAwait(false))
        {
            using var ending = cancellation.Register(process.Kill);
            try
            {
                using var client = await WorkerClient.ConnectAsync(directory, process.Output, process.Input).ConfigureAwait(false);
                var limited = build with { Limits = build.Limits with { MaxLogSize = Least(build.Limits.MaxLogSize, LogBytesMax) } };
                await client.SetOptionsAsync(limited, CoresFor(build)).ConfigureAwait(false);
                result = await client.BuildDerivationAsync(limited, line => log.AppendAsync(CellProcess.InUsersWords(cell, line))).ConfigureAwait(false);
                result = result with { ErrorMessage = CellProcess.InUsersWords(cell, result.ErrorMessage) };
                foreach (var output in result.IsSuccess && !build.Checks ? build.Outputs.Values : [])
                {
                    made.Add(await client.QueryPathInfoAsync(output).ConfigureAwait(false));
                }
            }
            catch (WorkerClientException e)
            {
                cancellation.ThrowIfCancellationRequested();
                throw new CellException(await process.DescribeFailureAsync(CellProcess.InUsersWords(cell, e.Message)).ConfigureAwait(false), e);
            }

            // 2. Nothing of it runs any more: no builder is left that could change what Nix has checked.
            await process.EndAsync(cancellation).ConfigureAwait(false);
        }

        // 3. Registered, with its log.
        cancellation.ThrowIfCancellationRequested();
        if (result.IsSuccess && !build.Checks)
        {
            await _outputs.RegisterAsync(build, made, inputs, cell.PathOf, cancellation).ConfigureAwait(false);
        }
        else if (!result.IsSuccess && build.KeepFailed)
        {
            cell.KeepBuildDirectory();
        }

        if (!build.Checks)
        {
            await KeepLogAsync(build, log, !result.IsSuccess, cancellation).ConfigureAwait(false);
        }

        return result;
    }

    private async Task KeepLogAsync(BuildStep build, BuildLog log, bool failed, CancellationToken cancellation)
    {
        try
        {
            var text = log.OpenText();
            await using (text.ConfigureAwait(false))
            {
                await _options.Store.AddBuildLogAsync(build.Path, text, failed, cancellation).ConfigureAwait(false);
            }
        }
        catch (DaemonStoreException e)
        {
            _options.Notice($"the log of {build.Path} is lost: {e.Message}");
        }
    }

    private ulong CoresFor(BuildStep build) => build.Limits.Cores is { } asked and > 0 ? Math.Min(asked, (ulong)_options.Cores) : (ulong)_options.Cores;

    // 0 stands for no limit.
    private static ulong Least(ulong asked, ulong most) => asked == 0 ? most : Math.Min(asked, most);

    /// <summary>Builds with the same key are one.</summary>
    /// <param name="Path">The derivation.</param>
    /// <param name="Limits">A build that fails by its limits says nothing to those who set others.</param>
    /// <param name="Own">Equal to nothing else, where the build is for one client alone; null otherwise.</param>
    private sealed record BuildKey(StorePath Path, BuildLimits Limits, object? Own);
}
