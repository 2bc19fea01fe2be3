using System.Collections.Concurrent;
using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Daemon.Building;

/// <summary>
/// Makes what a client wants valid: it is already, or is fetched, or is built once what it needs has been made the same way. What one request
/// wants is realised at the same time, each derivation once.
/// </summary>
internal sealed class Realiser : IDisposable
{
    /// <summary>Derivations that are looked into at a time, each of which may be a question to the server.</summary>
    private const int QuestionsMax = 64;

    private readonly DaemonSession _session;
    private readonly BuildMode _mode;
    private readonly StepLog _log;
    private readonly StepMaker _steps;
    private readonly CancellationTokenSource _stopped;
    private readonly SemaphoreSlim _questions = new(QuestionsMax);
    private readonly ConcurrentDictionary<(StorePath Path, string Outputs), Lazy<Task<BuildResult>>> _realised = [];
    private readonly ConcurrentDictionary<StorePath, Lazy<Task<StepResult>>> _built = [];
    private HashSet<StorePath> _valid = [];

    internal Realiser(DaemonSession session, BuildMode mode)
    {
        _session = session;
        _mode = mode;
        _log = new StepLog(session.Log);
        _steps = new StepMaker(session.Store, session.Services.Derivations, session.Services.Outputs);
        _stopped = CancellationTokenSource.CreateLinkedTokenSource(session.Ended);
    }

    // Ends with the client, and with the first failure where the client does not want the rest.
    private CancellationToken Stopped => _stopped.Token;

    private StoreDirectory Directory => _session.Directory;

    /// <summary>Makes objects and outputs of derivations valid; one result each, in their order. Failures are results.</summary>
    internal async Task<IReadOnlyList<BuildResult>> RealiseAsync(IReadOnlyList<DerivedPath> wanted)
    {
        if (wanted.Count > 0)
        {
            _valid = [.. await _session.Store.FilterValidAsync([.. wanted.Select(path => path.Path).Distinct()], Stopped)];
        }

        return await Task.WhenAll(wanted.Select(path => RealiseAsync(path, isWanted: true)));
    }

    /// <summary>Makes all outputs of a derivation valid that the client sent by itself. Failures are results.</summary>
    internal Task<BuildResult> RealiseAsync(StorePath path, Derivation derivation) =>
        CatchAsync(path, () => RealiseOutputsAsync(path, derivation, _ => true, isWanted: true, isRegistered: false));

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopped.Dispose();
        _questions.Dispose();
        _log.Dispose();
    }

    // Several may want the same; each is followed from a stack of its own, so that no chain is too deep.
    private Task<BuildResult> RealiseAsync(DerivedPath wanted, bool isWanted) => _realised.GetOrAdd(
        (wanted.Path, wanted.Outputs is null ? "" : string.Join(',', wanted.Outputs) + "!"),
        _ => new(() => Task.Run(() => RealiseNewAsync(wanted, isWanted)))).Value;

    private async Task<BuildResult> RealiseNewAsync(DerivedPath wanted, bool isWanted)
    {
        var result = await CatchAsync(
            wanted.Path, () => wanted.Outputs is null ? RealiseObjectAsync(wanted.Path) : RealiseOutputsAsync(wanted, isWanted));
        if (!result.IsSuccess && !result.IsGivenUp && !isWanted)
        {
            // The client is told of what it wanted; that an input of it failed only stands here. Further lines are indented as Nix does.
            await _log.LineAsync(LogLevel.Error, $"error: {result.ErrorMessage.Replace("\n", "\n       ", StringComparison.Ordinal)}");
        }

        if (!result.IsSuccess && !_session.Settings.KeepGoing)
        {
            await _stopped.CancelAsync();
        }

        return result;
    }

    private async Task<BuildResult> CatchAsync(StorePath path, Func<Task<BuildResult>> realise)
    {
        try
        {
            return await realise();
        }
        catch (DaemonStoreException e)
        {
            return BuildResult.Failure(BuildStatus.MiscFailure, e.Message);
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested && !_session.Ended.IsCancellationRequested)
        {
            return BuildResult.Failure(BuildStatus.MiscFailure, $"'{Directory.Print(path)}' was given up because something else failed")
                with { IsGivenUp = true };
        }
    }

    private async Task<BuildResult> RealiseObjectAsync(StorePath path)
    {
        _session.TemporaryRoots.Add(path);
        if (_valid.Contains(path) || await _session.Store.FindPathAsync(path, Stopped) is not null)
        {
            return BuildResult.Success(BuildStatus.AlreadyValid, []);
        }

        return await TrySubstituteAsync([path])
            ? BuildResult.Success(BuildStatus.Substituted, [])
            : BuildResult.Failure(
                BuildStatus.NoSubstituters,
                $"path '{Directory.Print(path)}' is not valid, and no binary cache that this store knows has it");
    }

    private async Task<BuildResult> RealiseOutputsAsync(DerivedPath wanted, bool isWanted)
    {
        // The derivation itself may be had from elsewhere, too.
        Derivation derivation;
        await _questions.WaitAsync(Stopped);
        try
        {
            var file = await RealiseObjectAsync(wanted.Path);
            if (!file.IsSuccess)
            {
                return file;
            }

            derivation = await _session.Services.Derivations.ReadAsync(wanted.Path, Stopped);
        }
        finally
        {
            _questions.Release();
        }

        foreach (string name in wanted.Outputs!)
        {
            if (derivation.Outputs.All(output => output.Name != name))
            {
                return BuildResult.Failure(
                    BuildStatus.MiscFailure, $"derivation '{Directory.Print(wanted.Path)}' does not have an output '{name}'");
            }
        }

        return await RealiseOutputsAsync(wanted.Path, derivation, wanted.Wants, isWanted, isRegistered: true);
    }

    private async Task<BuildResult> RealiseOutputsAsync(
        StorePath path, Derivation derivation, Func<string, bool> wants, bool isWanted, bool isRegistered)
    {
        // 1. Where the outputs are, or would be.
        var outputs = await ListAsync(derivation, wants);
        var paths = outputs.Select(output => output.Path).OfType<StorePath>().ToList();
        foreach (var output in paths)
        {
            _session.TemporaryRoots.Add(output);
        }

        // 2. Valid, or fetched.
        var missing = paths.Except(await _session.Store.FilterValidAsync(paths, Stopped)).ToList();
        bool known = paths.Count == outputs.Count;
        if (_mode != BuildMode.Normal && isWanted)
        {
            return known && missing.Count == 0 && _mode == BuildMode.Check
                ? await CheckAsync(path, derivation, outputs, isRegistered)
                : throw new DaemonStoreException(_mode == BuildMode.Check
                    ? $"some outputs of '{Directory.Print(path)}' are not valid, so checking is not possible"
                    : $"cannot build '{Directory.Print(path)}' for repair: what is damaged here is healed by adding it again");
        }

        if (known && (missing.Count == 0 || (derivation.AllowsSubstitutes && await TrySubstituteAsync(missing))))
        {
            var status = missing.Count == 0 ? BuildStatus.AlreadyValid : BuildStatus.Substituted;
            return BuildResult.Success(status, await DescribeAsync(derivation, outputs));
        }

        // 3. Built, all of them at once.
        var step = await _built.GetOrAdd(path, _ => new(() => BuildAsync(path, derivation, checks: false, isRegistered))).Value;
        if (!step.IsSuccess)
        {
            return BuildResult.Failure(step.Status, step.ErrorMessage) with { StartTime = step.StartTime, StopTime = step.StopTime };
        }

        // Whatever the builder says: the outputs are valid, or it has not succeeded.
        outputs = await ListAsync(derivation, wants);
        if (outputs.FirstOrDefault(static output => output.Path is null) is { } unknown)
        {
            throw new DaemonStoreException($"what the output '{unknown.Name}' came to is not known after the build of '{Directory.Print(path)}'");
        }

        paths = outputs.ConvertAll(static output => output.Path!.Value);
        var absent = paths.Except(await _session.Store.FilterValidAsync(paths, Stopped)).ToList();
        if (absent.Count > 0)
        {
            throw new DaemonStoreException($"'{Directory.Print(absent[0])}' is not valid after the build of '{Directory.Print(path)}'");
        }

        return BuildResult.Success(step.Status, await DescribeAsync(derivation, outputs))
            with { StartTime = step.StartTime, StopTime = step.StopTime };
    }

    private async Task<BuildResult> CheckAsync(StorePath path, Derivation derivation, List<OutputState> outputs, bool isRegistered)
    {
        var step = await BuildAsync(path, derivation, checks: true, isRegistered);
        var result = step.IsSuccess
            ? BuildResult.Success(step.Status, await DescribeAsync(derivation, outputs))
            : BuildResult.Failure(step.Status, step.ErrorMessage);
        return result with { StartTime = step.StartTime, StopTime = step.StopTime };
    }

    private async Task<StepResult> BuildAsync(StorePath path, Derivation derivation, bool checks, bool isRegistered)
    {
        // 1. Whether it can be built at all.
        if (_session.Services.Builder.WhyNot is { } why)
        {
            throw new DaemonStoreException(
                $"cannot build '{Directory.Print(path)}': {why}, and its output is neither valid nor substitutable; "
                + "build it with another store (--store, or as a remote builder) and copy the result here");
        }

        // 2. What it needs.
        var inputs = derivation.InputDerivations
            .Select(input => new DerivedPath(input.Path, Directory.Parse(input.Path), input.Outputs)).ToArray();
        var results = await Task.WhenAll(inputs.Select(input => RealiseAsync(input, isWanted: false)));
        int failed = results.Count(result => !result.IsSuccess);
        if (failed > 0)
        {
            return new StepResult(BuildStatus.DependencyFailed, $"{failed} dependencies of derivation '{Directory.Print(path)}' failed to build");
        }

        var sources = derivation.InputSources.Select(Directory.Parse).ToArray();
        var absent = sources.Except(await _session.Store.FilterValidAsync(sources, Stopped)).ToList();
        if (absent.Count > 0 && !await TrySubstituteAsync(absent))
        {
            throw new DaemonStoreException($"cannot build '{Directory.Print(path)}': its input '{Directory.Print(absent[0])}' is not valid");
        }

        // 3. The step itself.
        string printed = Directory.Print(path);
        ulong activity = await _log.StartAsync($"building '{printed}'", ActivityType.Build, printed, "", 1UL, 1UL);
        try
        {
            var step = await _steps.MakeAsync(path, derivation, Stopped) with
            {
                IsRegistered = isRegistered,
                Limits = _session.Settings.Limits,
                Checks = checks,
                KeepFailed = _session.Settings.KeepFailed,
                OnlyElsewhere = _session.Settings.BuildsElsewhere && !checks,
            };
            var result = await _session.Services.Builder.BuildAsync(step, line => _log.BuildLineAsync(activity, line), Stopped);
            if (result.IsSuccess && !checks)
            {
                await RecordAsync(derivation, step, result);
            }

            return result;
        }
        finally
        {
            await _log.StopAsync(activity);
        }
    }

    /// <summary>Records what the outputs came to whose paths the derivation does not say; another derivation may come to the same.</summary>
    private async Task RecordAsync(Derivation derivation, BuildStep step, StepResult result)
    {
        foreach (var output in derivation.Outputs.Where(static output => output.Path.Length == 0))
        {
            if (step.Outputs.TryGetValue(output.Name, out var path) || result.Outputs.TryGetValue(output.Name, out path))
            {
                var realisation = Realisation.Create(Realisation.IdOf(await _session.Services.Derivations.OutputHashAsync(derivation, Stopped), output.Name), path);
                await _session.Store.AddRealisationAsync(realisation.Id, realisation.Json, Stopped);
            }
        }
    }

    private async ValueTask<List<OutputState>> ListAsync(Derivation derivation, Func<string, bool> wants) =>
        [.. (await _session.Services.Outputs.ListAsync(derivation, Stopped)).Where(output => wants(output.Name))];

    private async ValueTask<bool> TrySubstituteAsync(List<StorePath> paths)
    {
        if (!_session.Settings.UseSubstitutes
            || (await _session.Store.FindSubstitutableAsync(paths, Stopped)).Count < paths.Count)
        {
            return false;
        }

        ulong activity = await _log.StartAsync($"fetching {paths.Count} paths", ActivityType.CopyPaths);
        var valid = await _session.Store.SubstituteAsync(paths, Stopped);
        await _log.StopAsync(activity);
        return !paths.Except(valid).Any();
    }

    private async ValueTask<IReadOnlyList<Realisation>> DescribeAsync(Derivation derivation, List<OutputState> outputs)
    {
        NixHash? hash = null;
        var realisations = new List<Realisation>(outputs.Count);
        foreach (var output in outputs)
        {
            string? id = output.Id;
            if (id is null)
            {
                hash ??= await _session.Services.Derivations.OutputHashAsync(derivation, Stopped);
                id = Realisation.IdOf(hash, output.Name);
            }

            if (output.Path is { } path)
            {
                realisations.Add(Realisation.IsId(id)
                    ? Realisation.Create(id, path)
                    : throw new DaemonStoreException($"'{output.Name}' is not a name of a derivation's output"));
            }
        }

        return realisations;
    }
}
