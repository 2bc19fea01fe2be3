using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Operations;

/// <summary>
/// Which paths are valid. Clients ask this before they send paths, and send only those that are not: so for them a damaged path is not.
/// </summary>
internal static class ValidityOperations
{
    private const int SubstituteMinor = 27;

    internal static async ValueTask IsValidPathAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        bool valid = await session.Store.FindPathAsync(path, session.Ended) is not null && !session.Store.IsDamaged(path);
        session.Reply().Bool(valid);
    }

    internal static async ValueTask QueryValidPathsAsync(DaemonSession session)
    {
        var paths = await session.Reader.ReadPathsAsync(session.Directory);
        bool substitute = session.Minor >= SubstituteMinor && await session.Reader.ReadBoolAsync();
        var valid = await FilterWholeAsync(session, paths);
        if (substitute && session.Settings.UseSubstitutes && valid.Count < paths.Count)
        {
            await session.Store.SubstituteAsync([.. paths.Except(valid)], session.Ended);
            valid = await FilterWholeAsync(session, paths);
        }

        await session.Reply().PathSetAsync(session.Directory, valid);
    }

    internal static async ValueTask QueryAllValidPathsAsync(DaemonSession session)
    {
        var paths = await session.Store.ListValidAsync(session.Ended);
        await session.Reply().PathSetAsync(session.Directory, paths);
    }

    internal static async ValueTask QueryPathFromHashPartAsync(DaemonSession session)
    {
        string hashPart = await session.Reader.ReadTextAsync();
        if (!StorePath.IsHashPart(hashPart))
        {
            throw new DaemonStoreException($"'{hashPart}' is not the hash part of a store path ({StorePath.HashPartLength} base-32 characters)");
        }

        var path = await session.Store.FindByHashPartAsync(hashPart, session.Ended);
        session.Reply().OptionalPath(session.Directory, path);
    }

    private static async ValueTask<IReadOnlyCollection<StorePath>> FilterWholeAsync(DaemonSession session, IReadOnlyCollection<StorePath> paths) =>
        [.. (await session.Store.FilterValidAsync(paths, session.Ended)).Where(path => !session.Store.IsDamaged(path))];
}
