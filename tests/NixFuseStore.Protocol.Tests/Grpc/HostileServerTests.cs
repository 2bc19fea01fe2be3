using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.Grpc;
using Xunit;

namespace NixFuseStore.Protocol.Tests.Grpc;

/// <summary>Servers that are none, or that break off. Every answer is an <see cref="RpcException"/> within the deadline.</summary>
public sealed class HostileServerTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Answers => new("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "", "\0\0\0\0\0", new string('\xff', 5000));

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task Unary_PeerSpeaksAnotherProtocol_IsUnavailable(string answer)
    {
        using var peer = new Peer(async stream =>
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(answer));
        });
        var e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(peer.Address));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task Unary_NobodyListens_IsUnavailableAndNamesTheAddress()
    {
        int port;
        using (var peer = new Peer(_ => Task.CompletedTask))
        {
            port = peer.Address.Port;
        }

        var e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(new Uri($"http://127.0.0.1:{port}")));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.Contains($"127.0.0.1:{port}", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unary_RandomFrames_NeverAnythingButAStatus()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var i = 0; i < 50; i++)
        {
            // A settings frame makes a good beginning; what follows is anything.
            byte[] settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            var rest = new byte[random.Next(1, 400)];
            random.NextBytes(rest);
            if (rest.Length >= 9)
            {
                (rest[0], rest[1], rest[2]) = (0, 0, (byte)(rest.Length - 9));
                rest[3] = (byte)random.Next(10);
                rest[4] = (byte)random.Next(64);
                (rest[5], rest[6], rest[7], rest[8]) = (0, 0, 0, (byte)random.Next(3));
            }

            using var peer = new Peer(async stream =>
            {
                await stream.WriteAsync(settings);
                await stream.WriteAsync(rest);
                await Task.Delay(50);
            });
            await Assert.ThrowsAsync<RpcException>(() => CallAsync(peer.Address));
        }
    }

    private static async Task CallAsync(Uri address)
    {
        using var channel = new RpcChannel(new TransportOptions { Address = address });
        await channel.CallAsync("echo", new GetStoreRequest(), Deadline, TestContext.Current.CancellationToken);
    }

    private sealed class Peer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public Peer(Func<NetworkStream, Task> answer)
        {
            _listener.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
            _ = ServeAsync(answer);
        }

        public Uri Address { get; }

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync(Func<NetworkStream, Task> answer)
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    await using var stream = client.GetStream();
                    await stream.ReadAtLeastAsync(new byte[4096], 1);
                    await answer(stream);
                }
            }
            catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
            {
                // The test is over, or the client left in the middle.
            }
        }
    }
}
