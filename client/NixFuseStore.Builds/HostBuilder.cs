using NixFuseStore.Builds.Cells;
using NixFuseStore.Builds.Outputs;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds;

/// <summary>
/// Builds on this host: each derivation in a cell of its own, by stock Nix. Who asks for a derivation that is being built waits for that
/// build. Disposed, it ends what runs, and waits until nothing is left.
/// </summary>
public sealed class HostBuilder : IBuilder, IAsyncDisposable
{
    /// <summary>Bytes that a build may print where its client sets no limit; Nix's own default is none, and a disk is not.</summary>
    private const ulong LogBytesMax = 1UL << 30;

    private readonly HostBuilderOptions _options;
    private readonly CellFactory _cells;
    private readonly OutputImport _outputs;
    private readonly RunningBuilds _running;
    private readonly SemaphoreSlim _slots;

    /// <summary>Prepares to build, and clears away what a process left behind that was killed. Blocks on the disk.</summary>
    /// <exception cref="IOException">The directory for builds cannot be used; the message says why.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public HostBuilder(HostBuilderOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _cells = new CellFactory(options.Directory, options.MountedStore, options.Store.Directory, options.Notice);
        _outputs = new OutputImport(options.Store);
        _running = new RunningBuilds(options.Directory);
        _slots = new SemaphoreSlim(options.JobsMax);
        if (options.Directory.Contains('?', StringComparison.Ordinal))
        {
            throw new IOException($"{options.Directory} has a '?' in its name, which stock Nix takes for the end of it");
        }

        CellSweep.Run(options.Directory, options.Notice);
    }

    /// <summary>Builds at a time.</summary>
    public int JobsMax => _options.JobsMax;

    /// <summary>What runs and waits now, in the order in which it was asked for. Any thread.</summary>
    public IReadOnlyList<BuildState> List() => _running.List();

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
        await _running.DisposeAsync().ConfigureAwait(false);
        await _cells.DisposeAsync().ConfigureAwait(false);
        _slots.Dispose();
    }

    private async Task<StepResult> RunAsync(BuildStep build, SharedBuild shared, CancellationToken cancellation)
    {
        await _slots.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            shared.IsRunning = true;

            // Another build, here or on another host, may have registered them meanwhile.
            var outputs = build.Outputs.Values.ToArray();
            if (!build.Checks && (await _options.Store.FilterValidAsync(outputs, cancellation).ConfigureAwait(false)).Count == outputs.Length)
            {
                return new StepResult(BuildStatus.AlreadyValid, "");
            }

            return await BuildInCellAsync(build, shared, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CellException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw Failed(build, e.Message, e);
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task<StepResult> BuildInCellAsync(BuildStep build, SharedBuild shared, CancellationToken cancellation)
    {
        // 1. A cell that knows the inputs; for a check the outputs as well. It is removed after the clients have their answer.
        var directory = _options.Store.Directory;
        var inputs = await InputClosure.FindAsync(_options.Store, build.Inputs, cancellation).ConfigureAwait(false);
        var valid = build.Checks
            ? await InputClosure.FindAsync(_options.Store, [.. build.Inputs, .. build.Outputs.Values], cancellation).ConfigureAwait(false)
            : inputs;
        var nix = StockNix.Find(_options.NixPrograms);
        var cell = await _cells.CreateAsync(nix, [.. valid.Values], cancellation).ConfigureAwait(false);
        shared.AddCleanUp(cell.Dispose);

        // 2. Built, and nothing of it runs any more: no builder is left that could change what Nix has checked.
        var (result, made) = await BuildAsync(build, cell, nix, shared.Log, cancellation).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        if (build.Checks)
        {
            return result;
        }

        // 3. Registered, with its log.
        if (result.IsSuccess && !await _outputs.RegisterAsync(build, made, inputs, cell.PathOf, cancellation).ConfigureAwait(false))
        {
            return new StepResult(BuildStatus.AlreadyValid, "");
        }

        if (!result.IsSuccess && build.KeepFailed)
        {
            cell.KeepBuildDirectory();
        }

        // Of a derivation that a client made up nothing is kept under the name of another.
        if (build.IsRegistered)
        {
            await KeepLogAsync(build, shared.Log, !result.IsSuccess, cancellation).ConfigureAwait(false);
        }

        return result;
    }

    private async Task<(StepResult Result, IReadOnlyList<PathInfo> Outputs)> BuildAsync(
        BuildStep build, Cell cell, StockNix nix, BuildLog log, CancellationToken cancellation)
    {
        var directory = _options.Store.Directory;
        var words = new CellWords(cell);
        var process = CellProcess.Start(cell, _options.MountedStore, directory, nix, nix.Daemon, "--stdio");
        await using (process.ConfigureAwait(false))
        {
            using var ending = cancellation.Register(process.Kill);
            try
            {
                using var client = await ConnectAsync(process, directory).ConfigureAwait(false);
                await client.SetOptionsAsync(build, build.Limits.Cores ?? (ulong)_options.Cores).ConfigureAwait(false);
                var result = await client.BuildDerivationAsync(build, log.AppendAsync, line => log.AppendAsync(words.OfLine(line))).ConfigureAwait(false);
                var made = new List<PathInfo>();
                foreach (var output in result.IsSuccess && !build.Checks ? build.Outputs.Values : [])
                {
                    made.Add(await client.QueryPathInfoAsync(output).ConfigureAwait(false));
                }

                await process.EndAsync(cancellation).ConfigureAwait(false);
                return (result with { ErrorMessage = words.OfError(result.ErrorMessage) }, made);
            }
            catch (WorkerClientException e) when (e.IsLogTooLong)
            {
                return (new StepResult(BuildStatus.LogLimitExceeded, $"the builder of '{directory.Print(build.Path)}' printed a line that is too long"), []);
            }
            catch (WorkerClientException e)
            {
                cancellation.ThrowIfCancellationRequested();
                throw new CellException(words.OfError(await process.DescribeFailureAsync(words.OfError(e.Message)).ConfigureAwait(false)), e);
            }
        }
    }

    private static async Task<WorkerClient> ConnectAsync(CellProcess process, StoreDirectory directory)
    {
        using var patience = new CancellationTokenSource(CellFactory.SetUpPatience);
        using var ending = patience.Token.Register(process.Kill);
        return await WorkerClient.ConnectAsync(directory, process.Output, process.Input).ConfigureAwait(false);
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

    // As they count here, so that requests which differ in nothing that counts are one build. 0 stands for no limit.
    private BuildLimits Limit(BuildLimits asked) => asked with
    {
        MaxLogSize = asked.MaxLogSize == 0 ? LogBytesMax : Math.Min(asked.MaxLogSize, LogBytesMax),
        Cores = asked.Cores is { } cores and > 0 ? Math.Min(cores, (ulong)_options.Cores) : (ulong)_options.Cores,
    };

    private DaemonStoreException Failed(BuildStep build, string why, Exception cause) =>
        new($"cannot build '{_options.Store.Directory.Print(build.Path)}': {why.TrimEnd('.')}", cause);
}
