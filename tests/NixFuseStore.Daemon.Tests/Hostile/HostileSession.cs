using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;

namespace NixFuseStore.Daemon.Tests.Hostile;

/// <summary>A conversation with a client that may send anything.</summary>
internal static class HostileSession
{
    /// <summary>
    /// Serves the bytes until the session ends, which it must within its deadline, without an unexpected exception and with nothing
    /// left behind.
    /// </summary>
    /// <returns>What the client was sent.</returns>
    internal static async Task<byte[]> RunAsync(ReadOnlyMemory<byte> bytes, bool trusted = true, int pieceBytes = int.MaxValue)
    {
        var store = SampleStore.Create();
        string? unexpected = null;
        var options = (trusted ? TestDaemon.Trusting : TestDaemon.Distrusting) with { Notice = text => unexpected = text };
        var transport = new ScriptedTransport(bytes, pieceBytes);
        await TestDaemon.RunAsync(store, transport, options);
        Assert.Null(unexpected);
        Assert.Equal(0, store.OpenImports);
        return transport.Sent;
    }

    internal static byte[] Join(params ReadOnlySpan<byte[]> parts)
    {
        var bytes = new WireBytes();
        foreach (byte[] part in parts)
        {
            bytes.Raw(part);
        }

        return bytes.ToArray();
    }
}
