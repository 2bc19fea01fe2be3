using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;

namespace NixFuseStore.Daemon.Operations;

/// <summary>What keeps paths alive, and what would be collected.</summary>
internal static class RootOperations
{
    private const ulong ReturnLive = 0;
    private const ulong ReturnDead = 1;
    private const ulong DeleteSpecific = 3;

    internal static async ValueTask AddTempRootAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        session.TemporaryRoots.Add(path);
        session.ReplyDone();
    }

    internal static async ValueTask AddIndirectRootAsync(DaemonSession session)
    {
        string link = await session.Reader.ReadTextAsync();
        if (!link.StartsWith('/'))
        {
            throw new DaemonStoreException($"'{link}' cannot be a garbage collector root: it is not an absolute path");
        }

        if (await session.Store.AddIndirectRootAsync(link, session.Peer, session.Ended) is { } reason)
        {
            await session.Log.LineAsync(
                LogLevel.Warning, $"warning: the root '{link}' is not recorded, so what it points to may be collected: {reason}");
        }

        session.ReplyDone();
    }

    internal static async ValueTask AddPermRootAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        string link = await session.Reader.ReadTextAsync();
        session.RequireTrust("adding a permanent root");
        await session.Store.AddPermanentRootAsync(path, link, session.Peer, session.Ended);
        session.Reply().Text(link);
    }

    internal static ValueTask SyncWithGCAsync(DaemonSession session)
    {
        session.ReplyDone();
        return default;
    }

    internal static async ValueTask FindRootsAsync(DaemonSession session)
    {
        var roots = await session.Store.FindRootsAsync(session.Ended);
        var told = roots.Select(root => (Link: Censor(session, root.Link), root.Target)).Distinct().ToList();
        var reply = session.Reply();
        reply.Number((ulong)told.Count);
        foreach (var (link, target) in told)
        {
            reply.Text(link);
            reply.Path(session.Directory, target);
            await reply.FlushIfLongAsync();
        }
    }

    internal static async ValueTask CollectGarbageAsync(DaemonSession session)
    {
        ulong action = await session.Reader.ReadNumberAsync();
        await session.Reader.ReadPathsAsync(session.Directory);
        bool ignoreLiveness = await session.Reader.ReadBoolAsync();
        await session.Reader.ReadNumberAsync(); // bytes after which to stop
        for (int i = 0; i < 3; i++)
        {
            await session.Reader.ReadNumberAsync(); // obsolete
        }

        if (action > DeleteSpecific)
        {
            throw new WireException($"invalid garbage collection action {action}");
        }

        if (ignoreLiveness)
        {
            throw new DaemonStoreException("paths that are alive are not deleted");
        }

        if (action is not (ReturnLive or ReturnDead))
        {
            throw new DaemonStoreException(
                "cannot delete paths: this store is shared, and its garbage is collected on its server, by its operator");
        }

        var paths = await session.Store.ListByLivenessAsync(action == ReturnLive, session.Ended);
        var reply = session.Reply();
        await reply.PathSetAsync(session.Directory, paths);
        reply.Number(0); // bytes freed
        reply.Number(0); // obsolete
    }

    // Whose processes use what is no other user's business; roots in files can be seen by all.
    private static string Censor(DaemonSession session, string link) =>
        session.IsTrusted || !(link.StartsWith("{temp:", StringComparison.Ordinal) || link.StartsWith("/proc/", StringComparison.Ordinal))
            ? link
            : "{censored}";
}
