using System.Net;
using System.Net.Sockets;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Native.Tests.Linux;

/// <summary>Whose process is at the other end of a connection, by both ways of asking.</summary>
public sealed class TcpPeerTests
{
    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::", "127.0.0.1")]
    [InlineData("127.0.0.1", "::ffff:127.0.0.1")]
    public async Task UserIdOf_OwnConnection_IsThisUser(string listen, string connect)
    {
        using var pair = await Pair.ConnectAsync(listen, connect);

        Assert.Equal(Libc.EffectiveUserId, TcpPeer.UserIdOf(pair.Peer, pair.Local));
        Assert.Equal(Libc.EffectiveUserId, TcpPeer.UserIdInTables(Plain(pair.Peer), Plain(pair.Local)));
    }

    [Fact]
    public async Task UserIdOf_OtherUsersConnection_IsThatUser()
    {
        Assert.SkipUnless(Libc.EffectiveUserId == 0 && File.Exists("/usr/bin/setpriv"), "needs root and setpriv");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var other = System.Diagnostics.Process.Start(
            "/usr/bin/setpriv", ["--reuid", "12345", "--clear-groups", "bash", "-c", $"exec 3<>/dev/tcp/127.0.0.1/{port}; read -u 3 line"]);
        using var accepted = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        var (peer, local) = ((IPEndPoint)accepted.RemoteEndPoint!, (IPEndPoint)accepted.LocalEndPoint!);

        Assert.Equal(12345u, TcpPeer.UserIdOf(peer, local));
        Assert.Equal(12345u, TcpPeer.UserIdInTables(peer, local));

        accepted.Dispose();
        await other.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task UserIdOf_ClosedByItsOwner_IsNobodyAndNotRoot()
    {
        // A socket without a process counts as root's in the kernel's tables: who closes at once must not pass for root.
        using var pair = await Pair.ConnectAsync("127.0.0.1", "127.0.0.1");
        pair.Client.Dispose();

        Assert.Null(TcpPeer.UserIdOf(pair.Peer, pair.Local));
        Assert.Null(TcpPeer.UserIdInTables(pair.Peer, pair.Local));
    }

    [Fact]
    public void UserIdOf_ListenerOnThatPort_DoesNotAnswerForIt()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        Assert.Null(TcpPeer.UserIdOf((IPEndPoint)listener.LocalEndpoint, new IPEndPoint(IPAddress.Loopback, 7)));
    }

    private static IPEndPoint Plain(IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;

    private sealed record Pair(Socket Client, Socket Server) : IDisposable
    {
        public IPEndPoint Peer { get; } = (IPEndPoint)Server.RemoteEndPoint!;

        public IPEndPoint Local { get; } = (IPEndPoint)Server.LocalEndPoint!;

        public static async Task<Pair> ConnectAsync(string listen, string connect)
        {
            var address = IPAddress.Parse(listen);
            using var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                listener.DualMode = true;
            }

            listener.Bind(new IPEndPoint(address, 0));
            listener.Listen();
            var target = IPAddress.Parse(connect);
            var client = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (target.AddressFamily == AddressFamily.InterNetworkV6)
            {
                client.DualMode = true;
            }

            await client.ConnectAsync(new IPEndPoint(target, ((IPEndPoint)listener.LocalEndPoint!).Port), TestContext.Current.CancellationToken);
            return new Pair(client, await listener.AcceptAsync(TestContext.Current.CancellationToken));
        }

        public void Dispose()
        {
            Client.Dispose();
            Server.Dispose();
        }
    }
}
