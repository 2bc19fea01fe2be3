using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Operations;

/// <summary>The outputs of derivations.</summary>
internal static class DerivationOperations
{
    internal static async ValueTask QueryDerivationOutputsAsync(DaemonSession session)
    {
        var outputs = await ReadOutputsAsync(session);
        await session.Reply().PathSetAsync(session.Directory, [.. outputs.Select(output => output.Path).OfType<StorePath>()]);
    }

    internal static async ValueTask QueryDerivationOutputNamesAsync(DaemonSession session)
    {
        var outputs = await ReadOutputsAsync(session);
        session.Reply().Texts([.. outputs.Select(output => output.Name)]);
    }

    internal static async ValueTask QueryDerivationOutputMapAsync(DaemonSession session)
    {
        var outputs = await ReadOutputsAsync(session);
        var reply = session.Reply();
        reply.Number((ulong)outputs.Count);
        foreach (var output in outputs)
        {
            reply.Text(output.Name);
            reply.OptionalPath(session.Directory, output.Path);
        }
    }

    private static async ValueTask<IReadOnlyList<OutputState>> ReadOutputsAsync(DaemonSession session)
    {
        var path = await session.Reader.ReadPathAsync(session.Directory);
        var derivation = await session.Services.Derivations.ReadAsync(path, session.Ended);
        return await session.Services.Outputs.ListAsync(derivation, session.Ended);
    }
}
