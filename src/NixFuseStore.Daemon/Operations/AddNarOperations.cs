using NixFuseStore.Daemon.Adding;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Operations;

/// <summary>Adding objects together with what is to be recorded of them.</summary>
internal static class AddNarOperations
{
    private const int PulledMinor = 21;
    private const int FramedMinor = 23;

    internal static async ValueTask AddToStoreNarAsync(DaemonSession session)
    {
        var claimed = await session.Reader.ReadPathInfoAsync(session.Directory);
        bool repair = await session.Reader.ReadBoolAsync();
        bool withoutSignature = await session.Reader.ReadBoolAsync();
        var data = session.Minor switch
        {
            >= FramedMinor => session.OpenFramed(),
            >= PulledMinor => session.OpenPulled(),
            _ => session.OpenBare(),
        };
        RequireMayRepair(session, repair);

        var adder = new PathAdder(session);
        var info = session.IsTrusted ? claimed : claimed with { Ultimate = false };
        if (await adder.IsWantedAsync(info, withoutSignature))
        {
            await using var import = await adder.ReceiveAsync(info, data);
            await session.EndDataAsync();
            await adder.RegisterAsync(import, info);
            await adder.WarnAsync();
        }
        else
        {
            await adder.SkipAsync(info, data);
            await session.EndDataAsync();
        }

        session.Reply();
    }

    internal static async ValueTask AddMultipleToStoreAsync(DaemonSession session)
    {
        bool repair = await session.Reader.ReadBoolAsync();
        bool withoutSignatures = await session.Reader.ReadBoolAsync();
        var data = session.OpenFramed();
        RequireMayRepair(session, repair);

        var adder = new PathAdder(session);
        await using var registrations = new RegistrationWindow(session.Services.Options.RegistrationsMax);
        ulong count = await data.ReadNumberAsync();
        for (ulong i = 0; i < count; i++)
        {
            data.BeginRequest();
            var info = await data.ReadPathInfoAsync(session.Directory) with { Ultimate = false };
            if (await adder.IsWantedAsync(info, withoutSignatures))
            {
                var import = await adder.ReceiveAsync(info, data);
                await registrations.AddAsync(import, () => adder.RegisterAsync(import, info));
            }
            else
            {
                await adder.SkipAsync(info, data);
            }
        }

        await session.EndDataAsync();
        await registrations.CompleteAsync();
        await adder.WarnAsync();
        session.Reply();
    }

    internal static async ValueTask AddBuildLogAsync(DaemonSession session)
    {
        string baseName = await session.Reader.ReadTextAsync();
        var data = session.OpenFramed();
        session.RequireTrust("adding a build log");
        if (!StorePath.TryParseBaseName(baseName, out var path))
        {
            throw new DaemonStoreException($"'{baseName}' is not the base name of a store path");
        }

        await using var log = new SourceStream(data);
        await session.Store.AddBuildLogAsync(path, log, failed: false, session.Ended);
        await session.EndDataAsync();
        session.ReplyDone();
    }

    /// <summary>Fails where a client asks for repair and may not. Nothing needs it here: the server proves every content that it keeps.</summary>
    internal static void RequireMayRepair(DaemonSession session, bool repair)
    {
        if (repair)
        {
            session.RequireTrust("repairing");
        }
    }
}
