using NixFuseStore.Daemon.Building;
using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon.Operations;

/// <summary>Making paths valid.</summary>
internal static class BuildOperations
{
    internal static async ValueTask QueryMissingAsync(DaemonSession session)
    {
        var wanted = await DerivedPath.ReadListAsync(session.Reader, session.Directory, session.Minor);
        var missing = new MissingPaths(
            session.Store, session.Services.Derivations, session.Services.Outputs, session.Settings.UseSubstitutes);
        await missing.FollowAsync(wanted, session.Ended);
        var reply = session.Reply();
        await reply.PathSetAsync(session.Directory, missing.WillBuild);
        await reply.PathSetAsync(session.Directory, missing.WillSubstitute);
        await reply.PathSetAsync(session.Directory, missing.Unknown);
        reply.Number(missing.DownloadSize);
        reply.Number(missing.NarSize);
    }

    internal static async ValueTask EnsurePathAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        await RealiseAllAsync(session, [new DerivedPath("", path, null)], BuildMode.Normal);
        session.ReplyDone();
    }

    internal static async ValueTask BuildPathsAsync(DaemonSession session)
    {
        var wanted = await DerivedPath.ReadListAsync(session.Reader, session.Directory, session.Minor);
        var mode = await ReadModeAsync(session);
        await RealiseAllAsync(session, wanted, mode);
        session.ReplyDone();
    }

    internal static async ValueTask BuildPathsWithResultsAsync(DaemonSession session)
    {
        var wanted = await DerivedPath.ReadListAsync(session.Reader, session.Directory, session.Minor);
        using var realiser = new Realiser(session, await ReadModeAsync(session));
        var results = await realiser.RealiseAsync(wanted);
        var reply = session.Reply();
        reply.Number((ulong)results.Count);
        foreach (var (path, result) in wanted.Zip(results))
        {
            reply.Text(path.Text);
            result.Write(reply, session.Minor);
            await reply.FlushIfLongAsync();
        }
    }

    internal static async ValueTask BuildDerivationAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        var derivation = await ReadBasicDerivationAsync(session);
        var mode = await ReadModeAsync(session);
        if (!DerivationLibrary.IsDerivation(path))
        {
            throw new DaemonStoreException($"'{session.Directory.Print(path)}' is not a derivation: its name does not end in .drv");
        }

        // Anyone may claim what an input-addressed output is; the content of others proves itself.
        if (derivation.Outputs.Any(output => output.HashAlgorithm.Length == 0))
        {
            session.RequireTrust("building an input-addressed derivation by itself");
        }

        using var realiser = new Realiser(session, mode);
        var result = await realiser.RealiseAsync(path, derivation);
        result.Write(session.Reply(), session.Minor);
    }

    private static async ValueTask RealiseAllAsync(DaemonSession session, List<DerivedPath> wanted, BuildMode mode)
    {
        using var realiser = new Realiser(session, mode);
        var results = await realiser.RealiseAsync(wanted);
        if (results.Where(static result => !result.IsSuccess).MinBy(static result => result.IsGivenUp) is { } failed)
        {
            throw new BuildFailedException(failed.ErrorMessage);
        }
    }

    private static async ValueTask<BuildMode> ReadModeAsync(DaemonSession session)
    {
        ulong number = await session.Reader.ReadNumberAsync();
        var mode = number <= (ulong)BuildMode.Check ? (BuildMode)number : throw new WireException($"invalid build mode {number}");
        if (mode == BuildMode.Repair)
        {
            session.RequireTrust("repairing");
        }

        return mode;
    }

    private static async ValueTask<Derivation> ReadBasicDerivationAsync(DaemonSession session)
    {
        var reader = session.Reader;
        int outputCount = await reader.ReadCountAsync();
        var outputs = new List<DerivationOutput>();
        for (int i = 0; i < outputCount; i++)
        {
            outputs.Add(new DerivationOutput(
                await reader.ReadTextAsync(), await reader.ReadTextAsync(), await reader.ReadTextAsync(), await reader.ReadTextAsync()));
        }

        var sources = await reader.ReadPathsAsync(session.Directory);
        string platform = await reader.ReadTextAsync();
        string builder = await ReadBytesAsTextAsync(reader);
        int argumentCount = await reader.ReadCountAsync();
        var arguments = new List<string>();
        for (int i = 0; i < argumentCount; i++)
        {
            arguments.Add(await ReadBytesAsTextAsync(reader));
        }

        int variableCount = await reader.ReadCountAsync();
        var environment = new List<KeyValuePair<string, string>>();
        for (int i = 0; i < variableCount; i++)
        {
            environment.Add(new(await ReadBytesAsTextAsync(reader), await ReadBytesAsTextAsync(reader)));
        }

        return new Derivation
        {
            Outputs = outputs,
            InputDerivations = [],
            InputSources = [.. sources.Select(session.Directory.Print)],
            Platform = platform,
            Builder = builder,
            Arguments = arguments,
            Environment = environment,
        };
    }

    // Environments hold whole scripts and JSON.
    private static async ValueTask<string> ReadBytesAsTextAsync(WireReader reader) =>
        Derivation.Text.GetString((await reader.ReadBytesAsync(WireLimits.DerivationBytesMax)).Span);
}
