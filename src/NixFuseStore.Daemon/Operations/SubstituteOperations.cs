using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Operations;

/// <summary>What could be had from elsewhere.</summary>
internal static class SubstituteOperations
{
    // From here on paths come with the content address that they might have elsewhere, which is of no use here.
    private const int AddressMinor = 22;

    internal static async ValueTask HasSubstitutesAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        var found = await FindAsync(session, [path]);
        session.Reply().Bool(found.Count > 0);
    }

    internal static async ValueTask QuerySubstitutablePathInfoAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        var found = await FindAsync(session, [path]);
        var reply = session.Reply();
        reply.Bool(found.Count > 0);
        foreach (var info in found)
        {
            Write(session, info);
        }
    }

    internal static async ValueTask QuerySubstitutablePathInfosAsync(DaemonSession session)
    {
        List<StorePath> paths;
        if (session.Minor < AddressMinor)
        {
            paths = await session.Reader.ReadPathsAsync(session.Directory);
        }
        else
        {
            int count = await session.Reader.ReadCountAsync();
            paths = [];
            for (int i = 0; i < count; i++)
            {
                paths.Add(await session.Reader.ReadPathAsync(session.Directory));
                await session.Reader.ReadContentAddressAsync();
            }
        }

        var found = await FindAsync(session, paths);
        var reply = session.Reply();
        reply.Number((ulong)found.Count);
        foreach (var info in found)
        {
            reply.Path(session.Directory, info.Path);
            Write(session, info);
            await reply.FlushIfLongAsync();
        }
    }

    internal static async ValueTask QuerySubstitutablePathsAsync(DaemonSession session)
    {
        var paths = await session.Reader.ReadPathsAsync(session.Directory);
        var found = await FindAsync(session, paths);
        await session.Reply().PathSetAsync(session.Directory, [.. found.Select(info => info.Path)]);
    }

    private static async ValueTask<IReadOnlyCollection<SubstitutablePath>> FindAsync(DaemonSession session, List<StorePath> paths) =>
        session.Settings.UseSubstitutes && paths.Count > 0 ? await session.Store.FindSubstitutableAsync(paths, session.Ended) : [];

    private static void Write(DaemonSession session, SubstitutablePath info)
    {
        session.Writer.OptionalPath(session.Directory, info.Deriver);
        session.Writer.Paths(session.Directory, info.References);
        session.Writer.Number(info.DownloadSize);
        session.Writer.Number(info.NarSize);
    }
}
