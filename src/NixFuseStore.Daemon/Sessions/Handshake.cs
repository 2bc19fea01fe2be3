using NixFuseStore.Daemon.Protocol;

namespace NixFuseStore.Daemon.Sessions;

/// <summary>How a conversation begins: magic numbers, versions, features, and who trusts whom.</summary>
internal static class Handshake
{
    private const int FeatureMinor = 38;
    private const int VersionTextMinor = 33;
    private const int TrustMinor = 35;
    private const ulong Trusted = 1;
    private const ulong NotTrusted = 2;

    /// <summary>Greets the client and learns its version.</summary>
    /// <param name="session">The session, whose version and trust are set.</param>
    /// <param name="refusal">Why this client is not served, which it is told; null where it is.</param>
    /// <returns>Whether the client is served. One that speaks another protocol is told nothing, since it would not understand.</returns>
    internal static async ValueTask<bool> RunAsync(DaemonSession session, string? refusal)
    {
        var (reader, writer) = (session.Reader, session.Writer);

        // 1. Nix 2.8 sends its version only after it has ours.
        if (await reader.ReadNumberAsync() != ProtocolNumbers.ClientMagic)
        {
            return false;
        }

        writer.Number(ProtocolNumbers.ServerMagic);
        writer.Number(ProtocolNumbers.Major | ProtocolNumbers.MinorMax);
        await writer.FlushAsync();

        ulong version = await reader.ReadNumberAsync();
        int minor = (int)Math.Min(version & 0xff, ProtocolNumbers.MinorMax);
        if ((version & ~0xffUL) != ProtocolNumbers.Major || minor < ProtocolNumbers.MinorMin)
        {
            return false;
        }

        session.Minor = session.Log.Minor = minor;

        // 2. No features: the sets have nothing in common.
        if (minor >= FeatureMinor)
        {
            await reader.ReadTextsAsync();
            writer.Number(0);
            await writer.FlushAsync();
        }

        // 3. Obsolete: CPU affinity, and whether to reserve space.
        if (await reader.ReadBoolAsync())
        {
            await reader.ReadNumberAsync();
        }

        await reader.ReadNumberAsync();

        // 4. Who we are.
        if (minor >= VersionTextMinor)
        {
            writer.Text(session.Services.Options.Version);
        }

        session.IsTrusted = session.Services.Options.Trusts(session.Peer);
        if (minor >= TrustMinor)
        {
            writer.Number(session.IsTrusted ? Trusted : NotTrusted);
        }

        if (refusal is null)
        {
            session.Log.Last();
        }
        else
        {
            session.Log.Error(refusal);
        }

        await writer.FlushAsync();
        return refusal is null;
    }
}
