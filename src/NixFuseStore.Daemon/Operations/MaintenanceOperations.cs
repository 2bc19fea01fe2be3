using System.Globalization;
using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Sessions;

namespace NixFuseStore.Daemon.Operations;

/// <summary>Settings of a client, and the care of a store.</summary>
internal static class MaintenanceOperations
{
    internal static async ValueTask SetOptionsAsync(DaemonSession session)
    {
        var reader = session.Reader;
        bool keepFailed = await reader.ReadBoolAsync();
        bool keepGoing = await reader.ReadBoolAsync();
        await reader.ReadBoolAsync(); // tryFallback
        ulong verbosity = await reader.ReadNumberAsync();
        ulong maxBuildJobs = await reader.ReadNumberAsync();
        ulong maxSilentTime = await reader.ReadNumberAsync();
        await reader.ReadBoolAsync(); // useBuildHook, obsolete
        await reader.ReadNumberAsync(); // verboseBuild: 0 where the client wants to see what builds print
        await reader.ReadNumberAsync(); // logType, obsolete
        await reader.ReadNumberAsync(); // printBuildTrace, obsolete
        ulong cores = await reader.ReadNumberAsync();
        bool useSubstitutes = await reader.ReadBoolAsync();
        int count = await reader.ReadCountAsync();
        var limits = new BuildLimits(0, maxSilentTime, 0, cores);
        var unknown = new List<string>();
        for (int i = 0; i < count; i++)
        {
            string name = await reader.ReadTextAsync();
            string value = await reader.ReadTextAsync();
            limits = WithSetting(limits, name, value);
            if (!KnownSettings.Contains(name))
            {
                unknown.Add(name);
            }
        }

        session.Settings = new ClientSettings
        {
            UseSubstitutes = useSubstitutes,
            KeepGoing = keepGoing,
            KeepFailed = keepFailed,
            BuildsElsewhere = maxBuildJobs == 0,
            Limits = limits,
        };
        session.Log.Verbosity = (LogLevel)Math.Min(verbosity, (ulong)LogLevel.Vomit);
        foreach (string name in unknown)
        {
            await session.Log.LineAsync(LogLevel.Warning, $"warning: unknown setting '{name}'");
        }

        session.Reply();
    }

    // Limits that have no field of their own. Text that is no number changes nothing.
    private static BuildLimits WithSetting(BuildLimits limits, string name, string value) =>
        !ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? limits : name switch
        {
            "timeout" or "build-timeout" => limits with { Timeout = number },
            "max-silent-time" or "build-max-silent-time" => limits with { MaxSilentTime = number },
            "max-build-log-size" or "build-max-log-size" => limits with { MaxLogSize = number },
            "cores" or "build-cores" => limits with { Cores = number },
            _ => limits,
        };

    internal static async ValueTask OptimiseStoreAsync(DaemonSession session)
    {
        await session.Log.LineAsync(LogLevel.Notice, "nothing to optimise: the server keeps equal content once");
        session.ReplyDone();
    }

    internal static async ValueTask VerifyStoreAsync(DaemonSession session)
    {
        bool checkContents = await session.Reader.ReadBoolAsync();
        bool repair = await session.Reader.ReadBoolAsync();
        if (repair)
        {
            session.RequireTrust("repairing");
        }

        bool errors = await session.Store.VerifyAsync(
            checkContents, repair, line => session.Log.LineAsync(LogLevel.Error, line), session.Ended);
        session.Reply().Bool(errors);
    }

    // Removed in Nix 2.0, whose daemon answers so since. ClearFailedPaths names paths, QueryFailedPaths nothing.
    internal static ValueTask QueryFailedPathsAsync(DaemonSession session) =>
        throw new DaemonStoreException("failed builds are not remembered");

    internal static async ValueTask ClearFailedPathsAsync(DaemonSession session)
    {
        await session.Reader.ReadTextsAsync();
        await QueryFailedPathsAsync(session);
    }
}
