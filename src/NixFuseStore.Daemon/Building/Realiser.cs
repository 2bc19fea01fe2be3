using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Daemon.Building;

/// <summary>Makes what a client wants valid: it is already, or is fetched, or is built.</summary>
internal sealed class Realiser(DaemonSession session, BuildMode mode)
{
    private HashSet<StorePath> _valid = [];

    /// <summary>Asks once which of the objects and derivations are valid, that are to be realised next.</summary>
    internal async ValueTask PrepareAsync(IReadOnlyCollection<DerivedPath> wanted)
    {
        if (wanted.Count > 0)
        {
            _valid = [.. await session.Store.FilterValidAsync([.. wanted.Select(path => path.Path).Distinct()], session.Ended)];
        }
    }

    /// <summary>Makes an object or outputs of a derivation valid. Failures are results.</summary>
    internal async ValueTask<BuildResult> RealiseAsync(DerivedPath wanted)
    {
        try
        {
            return wanted.Outputs is null
                ? await RealiseObjectAsync(wanted.Path)
                : await RealiseOutputsAsync(wanted);
        }
        catch (DaemonStoreException e)
        {
            return BuildResult.Failure(BuildStatus.MiscFailure, e.Message);
        }
    }

    /// <summary>Makes all outputs of a derivation valid that the client sent by itself. Failures are results.</summary>
    internal async ValueTask<BuildResult> RealiseAsync(StorePath path, Derivation derivation)
    {
        try
        {
            return await RealiseOutputsAsync(path, derivation, _ => true);
        }
        catch (DaemonStoreException e)
        {
            return BuildResult.Failure(BuildStatus.MiscFailure, e.Message);
        }
    }

    private async ValueTask<BuildResult> RealiseObjectAsync(StorePath path)
    {
        session.TemporaryRoots.Add(path);
        if (_valid.Contains(path) || await session.Store.FindPathAsync(path, session.Ended) is not null)
        {
            return BuildResult.Success(BuildStatus.AlreadyValid, []);
        }

        return await TrySubstituteAsync([path])
            ? BuildResult.Success(BuildStatus.Substituted, [])
            : BuildResult.Failure(
                BuildStatus.NoSubstituters,
                $"path '{session.Directory.Print(path)}' is not valid, and no binary cache that this store knows has it");
    }

    private async ValueTask<BuildResult> RealiseOutputsAsync(DerivedPath wanted)
    {
        // The derivation itself may be had from elsewhere, too.
        var file = await RealiseObjectAsync(wanted.Path);
        if (!file.IsSuccess)
        {
            return file;
        }

        var derivation = await session.Services.Derivations.ReadAsync(wanted.Path, session.Ended);
        foreach (string name in wanted.Outputs!)
        {
            if (derivation.Outputs.All(output => output.Name != name))
            {
                return BuildResult.Failure(
                    BuildStatus.MiscFailure, $"derivation '{session.Directory.Print(wanted.Path)}' does not have an output '{name}'");
            }
        }

        return await RealiseOutputsAsync(wanted.Path, derivation, wanted.Wants);
    }

    private async ValueTask<BuildResult> RealiseOutputsAsync(StorePath path, Derivation derivation, Func<string, bool> wants)
    {
        // 1. Where the outputs are, or would be.
        var outputs = await ListAsync(derivation, wants);
        var paths = outputs.Select(output => output.Path).OfType<StorePath>().ToList();
        foreach (var output in paths)
        {
            session.TemporaryRoots.Add(output);
        }

        // 2. Valid, or fetched.
        var missing = paths.Except(await session.Store.FilterValidAsync(paths, session.Ended)).ToList();
        bool known = paths.Count == outputs.Count;
        if (mode != BuildMode.Normal && known && missing.Count == 0)
        {
            throw new DaemonStoreException(
                $"cannot build '{session.Directory.Print(path)}' again: this store does not rebuild or repair outputs that are valid");
        }

        if (known && (missing.Count == 0 || await TrySubstituteAsync(missing)))
        {
            var status = missing.Count == 0 ? BuildStatus.AlreadyValid : BuildStatus.Substituted;
            return BuildResult.Success(status, await DescribeAsync(derivation, outputs));
        }

        // 3. Built.
        await BuildAsync(path, derivation, [.. outputs.Select(output => output.Name)]);
        return BuildResult.Success(BuildStatus.Built, await DescribeAsync(derivation, await ListAsync(derivation, wants)));
    }

    private async ValueTask<List<OutputState>> ListAsync(Derivation derivation, Func<string, bool> wants) =>
        [.. (await session.Services.Outputs.ListAsync(derivation, session.Ended)).Where(output => wants(output.Name))];

    private async ValueTask<bool> TrySubstituteAsync(List<StorePath> paths)
    {
        if (!session.Settings.UseSubstitutes
            || (await session.Store.FindSubstitutableAsync(paths, session.Ended)).Count < paths.Count)
        {
            return false;
        }

        ulong activity = await session.Log.StartAsync(LogLevel.Info, ActivityType.CopyPaths, $"fetching {paths.Count} paths");
        var valid = await session.Store.SubstituteAsync(paths, session.Ended);
        session.Log.Stop(activity);
        return !paths.Except(valid).Any();
    }

    private async ValueTask BuildAsync(StorePath path, Derivation derivation, List<string> outputs)
    {
        string printed = session.Directory.Print(path);
        ulong activity = await session.Log.StartAsync(
            LogLevel.Info, ActivityType.Build, $"building '{printed}'", printed, "", 1UL, 1UL);
        try
        {
            await session.Services.Builder.BuildAsync(
                path, derivation, outputs, line => session.Log.BuildLineAsync(activity, line), session.Ended);
        }
        finally
        {
            session.Log.Stop(activity);
        }
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
                hash ??= await session.Services.Derivations.OutputHashAsync(derivation, session.Ended);
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
