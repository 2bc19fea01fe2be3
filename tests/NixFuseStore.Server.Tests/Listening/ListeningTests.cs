using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Tls;
using Xunit;

namespace NixFuseStore.Server.Tests.Listening;

public sealed class ListeningTests
{
    [Fact]
    public async Task Tls_BothPlanesOnOnePort_ByAlpn()
    {
        using var files = new CertificateFiles();
        await using var server = await TestServer.StartAsync("https://127.0.0.1:0", files);
        var options = new TransportOptions { Address = server.Address, TrustedCertificates = TransportOptions.ReadCertificates(files.CertificateFile) };
        var sample = SamplePath.CreateRandom("over-tls", 2, 500_000);
        var client = server.OpenClient(options: options);
        var data = server.OpenData(options: options);
        await data.UploadAsync(sample.Chunks.Values);
        var request = new RegisterPathsRequest { Store = "main" };
        request.Paths.Add(sample.ToMessage(inline: false));
        Assert.Equal(RegisterPathResult.Types.Outcome.Registered, (await client.RegisterPathsAsync(request)).Results.Single().Outcome);
        Assert.Equal(sample.NarHash, sample.HashOf(await data.ReadAllAsync(sample)));
    }

    [Fact]
    public async Task Tls_CertificateThatIsNotTrusted_IsToldByBothPlanes()
    {
        using var files = new CertificateFiles();
        await using var server = await TestServer.StartAsync("https://127.0.0.1:0", files);
        var e = await Assert.ThrowsAsync<RpcException>(() => server.Client.GetStoreAsync(new GetStoreRequest { Store = "main" }));
        Assert.Contains("not trusted", e.Status.Detail, StringComparison.Ordinal);
        var d = await Assert.ThrowsAsync<DataPlaneException>(() => server.Data.ReadAsync(new ReadChunksRequest()));
        Assert.Equal(StatusCode.Unavailable, d.StatusCode);
    }

    [Fact]
    public async Task Start_CertificateFileIsNone_OneLineSaysSo()
    {
        using var files = new CertificateFiles();
        File.WriteAllText(files.CertificateFile, "no certificate");
        var e = await Assert.ThrowsAsync<ServerException>(() => TestServer.StartAsync("https://127.0.0.1:0", files));
        Assert.Contains(files.CertificateFile, e.Message, StringComparison.Ordinal);
        e = await Assert.ThrowsAsync<ServerException>(() => TestServer.StartAsync("https://127.0.0.1:0"));
        Assert.Contains("--tls-certificate", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://127.0.0.1:1")]
    [InlineData("127.0.0.1:1")]
    [InlineData("http://127.0.0.1:1/path")]
    [InlineData("http://")]
    public async Task Start_AddressThatIsNone_IsWrongUsage(string listen) =>
        await Assert.ThrowsAsync<FormatException>(() => TestServer.StartAsync(listen));

    [Fact]
    public async Task Start_PortInUse_OneLineSaysSo()
    {
        await using var server = await TestServer.StartAsync();
        var e = await Assert.ThrowsAsync<ServerException>(() => TestServer.StartAsync(server.Address.ToString()));
        Assert.Contains("in use", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Port_AnythingThatIsNoRequest_LeavesTheServerWell()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var server = await TestServer.StartAsync();
        var preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();
        byte[] settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        var inputs = new List<byte[]>();
        for (var length = 0; length <= preface.Length; length++)
        {
            inputs.Add(preface[..length]);
            inputs.Add([.. preface[..length], (byte)'x']);
        }

        // A frame that claims 16 MiB; headers that never end; data for a stream that nobody opened; a settings frame of odd length.
        inputs.Add([.. preface, .. settings, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]);
        inputs.Add([.. preface, .. settings, 0, 0, 5, 1, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5]);
        inputs.Add([.. preface, .. settings, 0, 0, 1, 0, 0, 0, 0, 0, 7, 1]);
        inputs.Add([.. preface, 0, 0, 5, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
        inputs.Add(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"));
        inputs.Add(Encoding.ASCII.GetBytes("POST /data/v1/main/chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n"));
        inputs.Add(Encoding.ASCII.GetBytes("GET /data/v1/%2e%2e/%00 HTTP/1.1\r\nHost: x\r\n\r\n"));
        for (var i = 0; i < 100; i++)
        {
            var bytes = new byte[random.Next(1, 2000)];
            random.NextBytes(bytes);
            inputs.Add(bytes);
            inputs.Add([.. preface, .. settings, .. bytes]);
        }

        foreach (var input in inputs)
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, server.Address.Port, TestServer.Cancellation);
            try
            {
                var stream = socket.GetStream();
                await stream.WriteAsync(input, TestServer.Cancellation);
                socket.Client.Shutdown(SocketShutdown.Send);
                var answer = new byte[256];
                while (await stream.ReadAsync(answer, TestServer.Cancellation) > 0)
                {
                }
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // Reset by the server: as good an answer as any.
            }
        }

        Assert.Equal("main", (await server.Client.GetStoreAsync(new GetStoreRequest { Store = "main" })).Store);
        Assert.False(server.Log.Contains("error:", StringComparison.Ordinal), server.Log);
    }

    [Fact]
    public async Task Grpc_MessageLongerThanAllowed_IsRefusedBeforeItIsRead()
    {
        await using var server = await TestServer.StartAsync();
        using var handler = new SocketsHttpHandler();
        using var http = new HttpMessageInvoker(handler);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, "/nixfuse.v1.Store/GetStore"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3]),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        using var response = await http.SendAsync(request, TestServer.Cancellation);
        Assert.Equal("8", response.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task Grpc_OverHttp11_IsRefused()
    {
        await using var server = await TestServer.StartAsync();
        using var http = new HttpClient();
        var content = new ByteArrayContent([0, 0, 0, 0, 0]);
        content.Headers.ContentType = new("application/grpc");
        Assert.Equal(HttpStatusCode.BadRequest, (await http.PostAsync(new Uri(server.Address, "/nixfuse.v1.Store/GetStore"), content)).StatusCode);
    }
}
