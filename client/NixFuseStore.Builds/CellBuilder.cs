using NixFuseStore.Builds.Cells;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds;

/// <summary>Has stock Nix build one step in a cell. Disposed, it ends what it does beside builds; builds themselves have ended before.</summary>
internal sealed class CellBuilder : IAsyncDisposable
{
    private readonly HostBuilderOptions _options;
    private readonly CellFactory _cells;
    private readonly SandboxProbe _probe;
    private int _isToldOfNoLimits;

    internal CellBuilder(HostBuilderOptions options)
    {
        _options = options;
        _cells = new CellFactory(
            options.Directory,
            options.MountedStore,
            options.Store.Directory,
            new CellSettings([.. options.Host.Systems.Skip(1)], options.Host.Features),
            options.Notice);
        _probe = new SandboxProbe(options, ProbeAsync);
    }

    /// <summary>Whether the sandbox has been proven, in words.</summary>
    internal string Sandbox => _probe.State;

    /// <summary>
    /// Builds in a cell of its own, which is removed after the clients have their answer. When this returns nothing of the build runs any more: no
    /// builder is left that could change what Nix has checked.
    /// </summary>
    /// <param name="build">The step.</param>
    /// <param name="shared">Hears what is printed, and clears the cell away.</param>
    /// <param name="valid">What the cell knows of: the inputs, for a check the outputs as well.</param>
    /// <param name="cancellation">Ends the build.</param>
    /// <returns>How it ended, and what the outputs are; they lie in the cell.</returns>
    /// <exception cref="CellException">Stock Nix could not be run, or the sandbox of this host lets the host in.</exception>
    internal async Task<CellResult> BuildAsync(
        BuildStep build, SharedBuild shared, IReadOnlyDictionary<StorePath, PathInfo> valid, CancellationToken cancellation)
    {
        await _probe.RequireAsync(cancellation).ConfigureAwait(false);
        var nix = StockNix.Find(_options.NixPrograms);
        var cell = await CreateCellAsync(build, nix, [.. valid.Values], sandboxPaths: [], cancellation).ConfigureAwait(false);
        shared.AddCleanUp(cell.Dispose);
        var (result, outputs) = await RunAsync(build, cell, nix, shared.Log, cancellation).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        if (!result.IsSuccess && cell.DescribeLimits() is { } limit)
        {
            await shared.Log.AppendAsync(limit).ConfigureAwait(false);
        }

        if (!result.IsSuccess && build.KeepFailed)
        {
            cell.KeepBuildDirectory();
        }

        return new CellResult(result, outputs, cell);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _cells.DisposeAsync().ConfigureAwait(false);
        _probe.Dispose();
    }

    private async Task<CellResult> ProbeAsync(BuildStep build, BuildLog log, IReadOnlyList<string> sandboxPaths, CancellationToken cancellation)
    {
        var nix = StockNix.Find(_options.NixPrograms);
        var cell = await CreateCellAsync(build, nix, [], sandboxPaths, cancellation).ConfigureAwait(false);
        try
        {
            var (result, outputs) = await RunAsync(build, cell, nix, log, cancellation).ConfigureAwait(false);
            return new CellResult(result, outputs, cell);
        }
        catch
        {
            cell.Dispose();
            throw;
        }
    }

    private async Task<Cell> CreateCellAsync(
        BuildStep build, StockNix nix, IReadOnlyCollection<PathInfo> valid, IReadOnlyList<string> sandboxPaths, CancellationToken cancellation)
    {
        var cell = await _cells.CreateAsync(nix, valid, isContentAddressed: build.RealisationIds.Count > 0, sandboxPaths, cancellation).ConfigureAwait(false);
        try
        {
            if (!cell.TryLimit(_options.Limits) && Interlocked.Exchange(ref _isToldOfNoLimits, 1) == 0)
            {
                _options.Notice("builds have no limits of memory and processes: the control groups of this host cannot be written");
            }

            return cell;
        }
        catch
        {
            cell.Dispose();
            throw;
        }
    }

    private async Task<(StepResult Result, IReadOnlyList<PathInfo> Outputs)> RunAsync(
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
                foreach (var output in result.IsSuccess && !build.Checks ? OutputsOf(build, result) : [])
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
                throw new CellException(words.OfError(await process.DescribeFailureAsync(words.OfError(e.Message)).ConfigureAwait(false)), e) { MayPass = true };
            }
        }
    }

    // Several may come to the same where their paths depend on their content.
    private static IEnumerable<StorePath> OutputsOf(BuildStep build, StepResult result) => build.Outputs.Values
        .Concat(build.RealisationIds.Keys.Select(name => result.Outputs.TryGetValue(name, out var path)
            ? path
            : throw new CellException($"stock Nix does not say what the output '{name}' came to")))
        .Distinct();

    private static async Task<WorkerClient> ConnectAsync(CellProcess process, StoreDirectory directory)
    {
        using var patience = new CancellationTokenSource(CellFactory.SetUpPatience);
        using var ending = patience.Token.Register(process.Kill);
        return await WorkerClient.ConnectAsync(directory, process.Output, process.Input).ConfigureAwait(false);
    }
}

/// <summary>What a build has come to.</summary>
/// <param name="Result">How it ended.</param>
/// <param name="Outputs">What stock Nix says of its outputs; none where it failed, and of a check.</param>
/// <param name="Cell">Where the outputs lie.</param>
internal sealed record CellResult(StepResult Result, IReadOnlyList<PathInfo> Outputs, Cell Cell);
