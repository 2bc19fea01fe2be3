using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.DataPlane;
using Xunit;

namespace NixFuseStore.Protocol.Tests.DataPlane;

/// <summary>The client against canned answers.</summary>
public sealed class DataPlaneClientTests
{
    private readonly CancellationToken _cancellation = TestContext.Current.CancellationToken;

    [Fact]
    public void Translate_ConnectionResetWhileItIsMade_IsAServerThatIsAway()
    {
        var failure = DataPlaneClient.Translate(
            new SocketException((int)SocketError.NotConnected), new TransportOptions { Address = new Uri("http://127.0.0.1:1") }, CancellationToken.None);
        Assert.Equal(StatusCode.Unavailable, Assert.IsType<DataPlaneException>(failure).StatusCode);
        Assert.Contains("could not reach http://127.0.0.1:1", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_FramesOfAllSizes_ArriveWhole()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var body = new MemoryStream();
        var sizes = Enumerable.Range(0, 300).Select(i => i % 50 == 49 ? random.Next(300_000, 1 << 20) : random.Next(0, 5_000)).ToArray();
        for (var i = 0; i < sizes.Length; i++)
        {
            var header = new byte[FrameHeader.Size];
            new FrameHeader(7, (uint)i, FrameStatus.Ok, ChunkEncoding.Plain, (uint)sizes[i]).Write(header);
            body.Write(header);
            body.Write(Enumerable.Repeat((byte)i, sizes[i]).ToArray());
        }

        using var frames = await ReadAsync(Respond("200 OK", body.ToArray()));
        for (var i = 0; i < sizes.Length; i++)
        {
            Assert.True(await frames.MoveNextAsync(_cancellation));
            Assert.Equal((uint)i, frames.Header.Ordinal);
            Assert.Equal(sizes[i], frames.Payload.Length);
            Assert.True(frames.Payload.Span.IndexOfAnyExcept((byte)i) < 0);
        }

        Assert.False(await frames.MoveNextAsync(_cancellation));
    }

    [Fact]
    public async Task Upload_ServerThatTakesNothing_Ends()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new DataPlaneClient(new TransportOptions
        {
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"),
            UploadTakenWithin = TimeSpan.FromSeconds(1),
        });
        var upload = client.UploadNarAsync(
            "main",
            async (stream, token) =>
            {
                // A source that has nothing for a while is no reason to end.
                await stream.WriteAsync(new byte[1000], token);
                await Task.Delay(2_000, token);
                for (var i = 0; i < 1000; i++)
                {
                    await stream.WriteAsync(new byte[1 << 20], token);
                }
            },
            null,
            _cancellation);
        using var connection = await listener.AcceptTcpClientAsync(_cancellation);
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => upload.WaitAsync(TimeSpan.FromSeconds(60), _cancellation));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.Contains("took nothing", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_BodyCutAtEveryLength_IsNeverTakenForWhole()
    {
        var whole = new byte[FrameHeader.Size + 8];
        new FrameHeader(0, 0, FrameStatus.Ok, ChunkEncoding.Plain, 8).Write(whole);
        for (var length = 1; length < whole.Length; length++)
        {
            using var frames = await ReadAsync(Respond("200 OK", whole[..length]));
            var e = await Assert.ThrowsAsync<DataPlaneException>(async () => await frames.MoveNextAsync(_cancellation));
            Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        }
    }

    [Fact]
    public async Task Read_ConnectionBreaksInsideBody_IsUnavailable()
    {
        var response = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678");
        using var frames = await ReadAsync(response);
        var e = await Assert.ThrowsAsync<DataPlaneException>(async () => await frames.MoveNextAsync(_cancellation));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task Read_BytesThatAreNoFrame_IsRefused()
    {
        using var frames = await ReadAsync(Respond("200 OK", [.. Enumerable.Repeat((byte)0xff, 100)]));
        var e = await Assert.ThrowsAsync<DataPlaneException>(async () => await frames.MoveNextAsync(_cancellation));
        Assert.Equal(StatusCode.Internal, e.StatusCode);
    }

    [Theory]
    [InlineData("401 Unauthorized", StatusCode.Unauthenticated)]
    [InlineData("403 Forbidden", StatusCode.PermissionDenied)]
    [InlineData("404 Not Found", StatusCode.NotFound)]
    [InlineData("503 Service Unavailable", StatusCode.Unavailable)]
    [InlineData("507 Insufficient Storage", StatusCode.ResourceExhausted)]
    public async Task Read_ServerRefuses_StatusAndTextArrive(string status, StatusCode expected)
    {
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => ReadAsync(Respond(status, "the reason\n"u8.ToArray())));
        Assert.Equal((expected, "the reason"), (e.StatusCode, e.Message));
    }

    private static byte[] Respond(string status, byte[] body) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\n\r\n"), .. body];

    private async Task<ChunkFrameReader> ReadAsync(byte[] response)
    {
        // Neither is disposed here: the frames are read behind this call, and both end with the test's process.
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = ServeAsync(listener, response);
        var client = new DataPlaneClient(new TransportOptions { Address = new Uri($"http://{listener.LocalEndpoint}") });
        return await client.ReadChunksAsync("main", new ReadChunksRequest(), _cancellation);
    }

    private async Task ServeAsync(TcpListener listener, byte[] response)
    {
        using var peer = await listener.AcceptTcpClientAsync(_cancellation);
        listener.Stop();
        await using var stream = peer.GetStream();
        await stream.ReadAtLeastAsync(new byte[4096], 1, cancellationToken: _cancellation);
        try
        {
            await stream.WriteAsync(response, _cancellation);
        }
        catch (IOException)
        {
            // The client has seen enough.
        }
    }
}
