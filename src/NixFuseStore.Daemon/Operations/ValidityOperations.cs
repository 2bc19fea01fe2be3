using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Operations;

/// <summary>Which paths are valid.</summary>
internal static class ValidityOperations
{
    private const int SubstituteMinor = 27;

    internal static async ValueTask IsValidPathAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        bool valid = await session.Store.FindPathAsync(path, session.Ended) is not null;
        session.Reply().Bool(valid);
    }

    internal static async ValueTask QueryValidPathsAsync(DaemonSession session)
    {
        var paths = await session.Reader.ReadPathsAsync(session.Directory);
        bool substitute = session.Minor >= SubstituteMinor && await session.Reader.ReadBoolAsync();
        var valid = await session.Store.FilterValidAsync(paths, session.Ended);
        if (substitute && session.Settings.UseSubstitutes && valid.Count < paths.Count)
        {
            valid = [.. valid, .. await session.Store.SubstituteAsync([.. paths.Except(valid)], session.Ended)];
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
}
