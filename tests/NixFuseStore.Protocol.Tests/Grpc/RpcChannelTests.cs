using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.Grpc;
using NixFuseStore.Protocol.Tests.Python;
using NixFuseStore.Testing.Tls;
using Xunit;

namespace NixFuseStore.Protocol.Tests.Grpc;

/// <summary>The client against a server by somebody else. GetStoreRequest stands for any message whose field 1 is a string.</summary>
public sealed class RpcChannelTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly PythonServer _server = PythonServer.Start();
    private readonly CancellationToken _cancellation = TestContext.Current.CancellationToken;

    public void Dispose() => _server.Dispose();

    [Fact]
    public async Task Unary_Message_ComesBack()
    {
        using var channel = Open();
        Assert.Equal("päth", await CallAsync(channel, "echo", "päth"));
    }

    [Fact]
    public async Task Unary_ManyAtOnce_ShareTheConnection()
    {
        using var channel = Open();
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => CallAsync(channel, "echo", $"{i}")));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => $"{i}"), answers);
    }

    [Fact]
    public async Task Unary_EmptyMessage_IsAMessage()
    {
        using var channel = Open();
        Assert.Equal("", await CallAsync(channel, "echo", ""));
    }

    [Fact]
    public async Task Unary_LargeMessageBothWays_Arrives()
    {
        using var channel = Open();
        var text = new string('y', 20 << 20);
        Assert.Equal(text, await CallAsync(channel, "echo", text));
    }

    [Fact]
    public async Task Unary_TokenAndDeadline_ReachTheServer()
    {
        using var channel = Open(token: "secret");
        Assert.Equal("Bearer secret|deadline", await CallAsync(channel, "metadata", ""));
        var without = await channel.CallAsync("metadata", new GetStoreRequest(), null, _cancellation);
        Assert.Equal("Bearer secret|none", without.Store);
    }

    [Fact]
    public async Task Unary_ServerRefuses_StatusAndTextArrive()
    {
        using var channel = Open();
        var e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(channel, "fail", ""));
        Assert.Equal(StatusCode.FailedPrecondition, e.StatusCode);
        // The server said it in two lines; text of the other side is shown in one.
        Assert.Equal("100 % of über\\x0alines", e.Status.Detail);
    }

    [Fact]
    public async Task Unary_UnknownMethod_IsUnimplemented()
    {
        using var channel = Open();
        var e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(channel, "nothing", ""));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact]
    public async Task Unary_ServerTooSlow_DeadlineExceededInTime()
    {
        using var channel = Open();
        await CallAsync(channel, "echo", "");
        var watch = Stopwatch.StartNew();
        var e = await Assert.ThrowsAsync<RpcException>(
            () => channel.CallAsync("slow", new GetStoreRequest(), TimeSpan.FromMilliseconds(300), _cancellation));
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        Assert.InRange(watch.ElapsedMilliseconds, 250, 5_000);
    }

    [Fact]
    public async Task Unary_CallerCancels_IsCancellation()
    {
        using var channel = Open();
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => channel.CallAsync("slow", new GetStoreRequest(), null, source.Token));
    }

    [Fact]
    public async Task Unary_AnswerLongerThanAllowed_IsRefused()
    {
        using var channel = new RpcChannel(new TransportOptions { Address = Address, MessageBytesMax = 1 << 20 });
        var e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(channel, "large", ""));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    [Fact]
    public async Task Unary_AnswerIsNoMessage_IsRefused()
    {
        using var channel = Open();
        var e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(channel, "garbage", ""));
        Assert.Equal(StatusCode.Internal, e.StatusCode);
    }

    [Fact]
    public async Task Streaming_Messages_ArriveInOrder()
    {
        using var channel = Open();
        var expected = 0;
        await foreach (var message in StreamAsync(channel, "stream"))
        {
            Assert.Equal($"{expected++:000000}", message.Store);
        }

        Assert.Equal(1000, expected);
    }

    [Fact]
    public async Task Streaming_ServerFailsLater_MessagesThenStatus()
    {
        using var channel = Open();
        var got = 0;
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var message in StreamAsync(channel, "stream_then_fail"))
            {
                got++;
            }
        });
        Assert.Equal((1, StatusCode.ResourceExhausted, "enough"), (got, e.StatusCode, e.Status.Detail));
    }

    [Fact]
    public async Task Streaming_CallerLeaves_ServerIsTold()
    {
        using var channel = Open();
        await foreach (var message in StreamAsync(channel, "endless"))
        {
            break;
        }

        var watch = Stopwatch.StartNew();
        while (!File.Exists(_server.LeftFile) && watch.Elapsed < TimeSpan.FromSeconds(60))
        {
            await Task.Delay(20, _cancellation);
        }

        Assert.True(File.Exists(_server.LeftFile));
    }

    [Fact]
    public async Task Tls_TrustedCertificate_IsTaken()
    {
        using var files = new CertificateFiles();
        using var server = PythonServer.Start(files.KeyFile, files.CertificateFile);
        var address = new Uri($"https://localhost:{server.Port}");
        using var channel = new RpcChannel(
            new TransportOptions { Address = address, TrustedCertificates = TransportOptions.ReadCertificates(files.CertificateFile) });
        Assert.Equal("over TLS", await CallAsync(channel, "echo", "over TLS"));
    }

    [Fact]
    public async Task Tls_OtherCertificate_IsRefusedWithAReason()
    {
        using var files = new CertificateFiles();
        using var others = new CertificateFiles();
        using var server = PythonServer.Start(files.KeyFile, files.CertificateFile);
        var address = new Uri($"https://localhost:{server.Port}");
        foreach (X509Certificate2Collection? trusted in new[] { null, TransportOptions.ReadCertificates(others.CertificateFile) })
        {
            using var channel = new RpcChannel(new TransportOptions { Address = address, TrustedCertificates = trusted });
            var e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(channel, "echo", ""));
            Assert.Equal(StatusCode.Unavailable, e.StatusCode);
            Assert.Contains("not trusted", e.Status.Detail, StringComparison.Ordinal);
        }
    }

    private Uri Address => new($"http://127.0.0.1:{_server.Port}");

    private RpcChannel Open(string? token = null) => new(new TransportOptions { Address = Address, TokenProvider = () => token });

    private async Task<string> CallAsync(RpcChannel channel, string method, string text) =>
        (await channel.CallAsync(method, new GetStoreRequest { Store = text }, Deadline, _cancellation)).Store;

    private IAsyncEnumerable<GetStoreRequest> StreamAsync(RpcChannel channel, string method) => channel.StreamAsync(method, null, _cancellation);
}
