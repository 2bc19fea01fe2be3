using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Sessions;

namespace NixFuseStore.Daemon.Operations;

/// <summary>Settings of a client, and the care of a store.</summary>
internal static class MaintenanceOperations
{
    internal static async ValueTask SetOptionsAsync(DaemonSession session)
    {
        var reader = session.Reader;
        await reader.ReadBoolAsync(); // keepFailed
        await reader.ReadBoolAsync(); // keepGoing
        await reader.ReadBoolAsync(); // tryFallback
        ulong verbosity = await reader.ReadNumberAsync();
        await reader.ReadNumberAsync(); // maxBuildJobs
        await reader.ReadNumberAsync(); // maxSilentTime
        await reader.ReadBoolAsync(); // useBuildHook, obsolete
        await reader.ReadNumberAsync(); // verboseBuild: 0 where the client wants to see what builds print
        await reader.ReadNumberAsync(); // logType, obsolete
        await reader.ReadNumberAsync(); // printBuildTrace, obsolete
        await reader.ReadNumberAsync(); // buildCores
        bool useSubstitutes = await reader.ReadBoolAsync();
        int count = await reader.ReadCountAsync();
        var unknown = new List<string>();
        for (int i = 0; i < count; i++)
        {
            string name = await reader.ReadTextAsync();
            await reader.ReadTextAsync();
            if (!KnownSettings.Contains(name))
            {
                unknown.Add(name);
            }
        }

        session.Settings = new ClientSettings(useSubstitutes);
        session.Log.Verbosity = (LogLevel)Math.Min(verbosity, (ulong)LogLevel.Vomit);
        foreach (string name in unknown)
        {
            await session.Log.LineAsync(LogLevel.Warning, $"warning: unknown setting '{name}'");
        }

        session.Reply();
    }

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
