using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Daemon.Operations;

/// <summary>What outputs of content-addressed derivations came to.</summary>
internal static class RealisationOperations
{
    private const int JsonMinor = 31;

    internal static async ValueTask RegisterDrvOutputAsync(DaemonSession session)
    {
        Realisation realisation;
        if (session.Minor >= JsonMinor)
        {
            realisation = OutputResolver.ReadRealisation(await session.Reader.ReadTextAsync());
        }
        else
        {
            string id = await session.Reader.ReadTextAsync();
            string baseName = await session.Reader.ReadTextAsync();
            realisation = Realisation.IsId(id) && StorePath.TryParseBaseName(baseName, out var path)
                ? Realisation.Create(id, path)
                : throw new DaemonStoreException($"'{id}' to '{baseName}' is not a realisation");
        }

        // It counts for all, and may take the place of one whose path is not valid, so that it has to come from a trusted client or to be signed by
        // a trusted key.
        string? registered = await session.Store.FindRealisationAsync(realisation.Id, session.Ended);
        if (!session.IsTrusted && !realisation.IsSignedByAny(session.Services.Options.TrustedKeys))
        {
            if (registered is null)
            {
                throw new DaemonStoreException(
                    $"cannot register the realisation '{realisation.Id}': it lacks a signature by a trusted key, and this client is not trusted (the mount's settings say who is)");
            }

            RequireSame(session, realisation, registered);
        }

        RequireSame(session, realisation, await session.Store.AddRealisationAsync(realisation.Id, realisation.Json, session.Ended));
        session.Reply();
    }

    internal static async ValueTask QueryRealisationAsync(DaemonSession session)
    {
        string id = await session.Reader.ReadTextAsync();
        if (!Realisation.IsId(id))
        {
            throw new DaemonStoreException($"'{id}' is not the id of a derivation's output (sha256:HEX!OUTPUT)");
        }

        string? json = await session.Store.FindRealisationAsync(id, session.Ended);
        if (session.Minor >= JsonMinor)
        {
            session.Reply().Texts(json is null ? [] : [json]);
        }
        else
        {
            IReadOnlyCollection<StorePath> paths = json is null ? [] : [OutputResolver.ReadRealisation(json).OutPath];
            session.Reply().Paths(session.Directory, paths);
        }
    }

    private static void RequireSame(DaemonSession session, Realisation realisation, string registered)
    {
        var outPath = OutputResolver.ReadRealisation(registered).OutPath;
        if (outPath != realisation.OutPath)
        {
            throw new DaemonStoreException(
                $"cannot register the realisation '{realisation.Id}' as '{session.Directory.Print(realisation.OutPath)}': it is registered as '{session.Directory.Print(outPath)}', which stays");
        }
    }
}
