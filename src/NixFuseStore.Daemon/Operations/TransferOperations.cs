using NixFuseStore.Daemon.Adding;
using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Operations;

/// <summary>Whole objects out of the store, and the export format of old.</summary>
internal static class TransferOperations
{
    // The log ends with the first byte of the NAR: until then an error can be told, afterwards only by hanging up.
    internal static async ValueTask NarFromPathAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        await using var destination = new SinkStream(bytes =>
        {
            if (!session.HasReplied)
            {
                session.Reply();
            }

            return session.Writer.SendAsync(bytes);
        });
        await session.Store.WriteNarAsync(path, destination, session.Ended);
    }

    internal static async ValueTask ExportPathAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        await session.Reader.ReadNumberAsync(); // obsolete: whether to sign
        var info = await PathInfoOperations.RequirePathAsync(session, path);
        using var output = new WireWriter(new LogSink(session));
        await using (var destination = new SinkStream(output.SendAsync))
        {
            await session.Store.WriteNarAsync(path, destination, session.Ended);
        }

        output.Number(ProtocolNumbers.ExportMagic);
        output.Path(session.Directory, path);
        await output.PathSetAsync(session.Directory, info.References);
        output.OptionalPath(session.Directory, info.Deriver);
        output.Number(0); // no signature
        await output.FlushAsync();
        session.ReplyDone();
    }

    internal static async ValueTask ImportPathsAsync(DaemonSession session)
    {
        var data = session.OpenPulled();
        var adder = new PathAdder(session);
        var imported = new List<StorePath>();
        while (await data.ReadBoolAsync())
        {
            imported.Add(await ImportPathAsync(session, adder, data));
        }

        await session.EndDataAsync();
        await adder.WarnAsync();
        session.Reply().Paths(session.Directory, imported);
    }

    private static async ValueTask<StorePath> ImportPathAsync(DaemonSession session, PathAdder adder, WireReader data)
    {
        data.BeginRequest();
        await using var import = session.Store.BeginImport();
        await NarIntake.ReadAsync(data, import, observe: null, session.Ended);
        if (await data.ReadNumberAsync() != ProtocolNumbers.ExportMagic)
        {
            throw new WireException("the data is not in Nix's export format");
        }

        var path = await data.ReadPathAsync(session.Directory);
        var references = await data.ReadPathsAsync(session.Directory);
        var deriver = await data.ReadOptionalPathAsync(session.Directory);
        if (await data.ReadBoolAsync())
        {
            await data.ReadTextAsync(); // a signature of a kind that is long gone
        }

        var (hash, size) = import.Finish();
        var info = new PathInfo { Path = path, NarHash = hash, NarSize = size, References = references, Deriver = deriver };
        if (await adder.IsWantedAsync(info, withoutSignature: true))
        {
            await adder.RegisterAsync(import, info);
        }

        return path;
    }

    private sealed class LogSink(DaemonSession session) : IByteSink
    {
        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => session.Log.DataAsync(bytes.Span);
    }
}
