using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Operations;

/// <summary>What is recorded of paths.</summary>
internal static class PathInfoOperations
{
    internal static async ValueTask QueryPathInfoAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        var info = await session.Store.FindPathAsync(path, session.Ended);
        var reply = session.Reply();
        reply.Bool(info is not null);
        if (info is not null)
        {
            reply.UnkeyedPathInfo(session.Directory, info);
        }
    }

    internal static async ValueTask QueryPathHashAsync(DaemonSession session)
    {
        var info = await RequirePathAsync(session, await session.Reader.ReadPathAsync(session.Directory));
        session.Reply().Text(info.NarHash.ToHex());
    }

    internal static async ValueTask QueryReferencesAsync(DaemonSession session)
    {
        var info = await RequirePathAsync(session, await session.Reader.ReadPathAsync(session.Directory));
        await session.Reply().PathSetAsync(session.Directory, info.References);
    }

    internal static async ValueTask QueryReferrersAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        var referrers = await session.Store.GetReferrersAsync(path, session.Ended);
        await session.Reply().PathSetAsync(session.Directory, referrers);
    }

    internal static async ValueTask QueryDeriverAsync(DaemonSession session)
    {
        var info = await RequirePathAsync(session, await session.Reader.ReadPathAsync(session.Directory));
        session.Reply().OptionalPath(session.Directory, info.Deriver);
    }

    internal static async ValueTask QueryValidDeriversAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        var derivers = await session.Store.GetValidDeriversAsync(path, session.Ended);
        await session.Reply().PathSetAsync(session.Directory, derivers);
    }

    // Nix 2.8 refuses clients that are not trusted, later ones do not: a signature proves itself.
    internal static async ValueTask AddSignaturesAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        var signatures = await session.Reader.ReadSignaturesAsync();
        await RequirePathAsync(session, path);
        await session.Store.AddSignaturesAsync(path, signatures, session.Ended);
        session.ReplyDone();
    }

    /// <summary>What is recorded of a path that must be valid.</summary>
    /// <exception cref="DaemonStoreException">It is not.</exception>
    internal static async ValueTask<PathInfo> RequirePathAsync(DaemonSession session, StorePath path) =>
        await session.Store.FindPathAsync(path, session.Ended)
        ?? throw new DaemonStoreException($"path '{session.Directory.Print(path)}' is not valid");
}
