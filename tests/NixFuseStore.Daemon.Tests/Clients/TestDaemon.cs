using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;

namespace NixFuseStore.Daemon.Tests.Clients;

/// <summary>Runs whole conversations without sockets.</summary>
internal static class TestDaemon
{
    /// <summary>No conversation with a client that never waits takes longer than this, however slow the machine.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    internal static readonly DaemonOptions Trusting = new() { Trusts = _ => true, Version = "test" };

    internal static readonly DaemonOptions Distrusting = new() { Version = "test" };

    /// <summary>What a client of that version sends first.</summary>
    internal static WireBytes Greet(int minor)
    {
        var bytes = new WireBytes().Number(0x6e697863).Number(0x100UL | (uint)minor);
        return (minor >= 38 ? bytes.Number(0) : bytes).Number(0).Number(0);
    }

    /// <summary>Serves a client that sends all of the bytes and hangs up; returns what it is sent behind the handshake.</summary>
    internal static async Task<WireReader> ConverseAsync(
        IDaemonStore store, int minor, Action<WireBytes> requests, DaemonOptions? options = null, IBuilder? builder = null)
    {
        var bytes = Greet(minor);
        requests(bytes);
        var transport = new ScriptedTransport(bytes.ToArray());
        await RunAsync(store, transport, options ?? Trusting, builder);
        var reader = new WireReader(new ScriptedTransport(transport.Sent), 64 * 1024, "the reply");
        await SkipHandshakeAsync(reader, minor);
        return reader;
    }

    /// <summary>Serves until the conversation ends.</summary>
    internal static Task RunAsync(IDaemonStore store, ITransport transport, DaemonOptions options, IBuilder? builder = null)
    {
        var services = new DaemonServices(store, builder ?? new RefusingBuilder("this store does not build"), options);
        var connection = new DaemonConnection(transport, services, new DaemonPeer(1, 1000, 1000));
        return connection.RunAsync(refusal: null, TestContext.Current.CancellationToken).WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    internal static async Task SkipHandshakeAsync(WireReader reader, int minor, bool expectLast = true)
    {
        Assert.Equal(0x6478696fUL, await reader.ReadNumberAsync());
        Assert.Equal(0x126UL, await reader.ReadNumberAsync());
        if (minor >= 38)
        {
            Assert.Empty(await reader.ReadTextsAsync());
        }

        if (minor >= 33)
        {
            Assert.Equal("test", await reader.ReadTextAsync());
        }

        if (minor >= 35)
        {
            Assert.InRange(await reader.ReadNumberAsync(), 1UL, 2UL);
        }

        if (expectLast)
        {
            await reader.ExpectLastAsync();
        }
    }
}
