using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Tests.Commands;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.Hosting;

/// <summary>What an operator meets: readiness, a port in use, a log that is not read, more connections than there are descriptors.</summary>
public sealed class OperationTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-operation-").FullName;

    private string Data => _directory + "/data";

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Ready_TellsWhetherDatabaseAndBlobsAreThere_AndNothingElse()
    {
        await using var server = await ServerProcess.ServeAsync(Data, "--blobs", "file:" + _directory + "/blobs");
        Assert.Equal((HttpStatusCode.OK, "ready\n"), await GetAsync(server.Address, "readyz"));

        Directory.Move(_directory + "/blobs", _directory + "/gone");
        await Eventually.HoldsAsync(async () => (await GetAsync(server.Address, "readyz")).Status == HttpStatusCode.ServiceUnavailable);
        Assert.Equal("not ready\n", (await GetAsync(server.Address, "readyz")).Text);
        Assert.Equal((HttpStatusCode.OK, "ok\n"), await GetAsync(server.Address, "healthz"));

        Directory.Move(_directory + "/gone", _directory + "/blobs");
        await Eventually.HoldsAsync(async () => (await GetAsync(server.Address, "readyz")).Status == HttpStatusCode.OK);
        Assert.Equal(0, await server.TerminateAsync());
        Assert.Contains("warning: not ready: ", await server.ErrorAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_PortInUse_IsOneLine()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";

        var (status, output, error) = await ServerProcess.RunAsync("serve", "--data", Data, "--listen", "http://" + address);

        Assert.Equal((1, ""), (status, output));
        Assert.Single(error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("nixfuse-server: cannot listen: ", error, StringComparison.Ordinal);
        Assert.Contains(address, error, StringComparison.Ordinal);
        Assert.Contains("address already in use", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_LogThatIsNotRead_AnswersAllTheSame()
    {
        // Every request is logged; 64 KiB of a pipe hold some 600 of them.
        await using var server = await ServerProcess.ServeWithStuckLogAsync(Data, "--log-level", "debug");
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        for (var i = 0; i < 2_000; i++)
        {
            Assert.Equal("ok\n", await http.GetStringAsync(new Uri(server.Address, "/healthz"), TestServer.Cancellation));
        }

        await CommandTests.PushAsync(server.Address, SamplePath.CreateRandom("pushed", 2, 1_000));
        Assert.Equal(0, await server.TerminateAsync());
    }

    [Fact]
    public async Task Serve_MoreIdleConnectionsThanDescriptors_ServesOnAndDropsStrangersFirst()
    {
        await using var server = await ServerProcess.ServeLimitedAsync(descriptors: 256, Data);
        await ServerProcess.RunAsync("token", "create", "--all-stores", "--rights", "read", "--data", Data);
        var token = (await ServerProcess.RunAsync("token", "create", "--all-stores", "--rights", "read", "--data", Data)).Output.Trim();
        await Eventually.HoldsAsync(async () => (await GetAsync(server.Address, "main/nix-cache-info")).Status == HttpStatusCode.Unauthorized);

        // A client with a token keeps its one connection while strangers come and say half a word.
        using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = 1 };
        var opened = 0;
        handler.ConnectCallback = async (context, cancellation) =>
        {
            opened++;
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(context.DnsEndPoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        };
        using var known = new HttpClient(handler);
        known.DefaultRequestHeaders.Authorization = new("Bearer", token);
        await known.GetStringAsync(new Uri(server.Address, "/main/nix-cache-info"), TestServer.Cancellation);
        var strangers = new List<Socket>();
        for (var i = 0; i < 500; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            strangers.Add(socket);
            await socket.ConnectAsync(IPAddress.Loopback, server.Address.Port, TestServer.Cancellation);
            await socket.SendAsync("GET /ma"u8.ToArray(), TestServer.Cancellation);
        }

        await known.GetStringAsync(new Uri(server.Address, "/main/nix-cache-info"), TestServer.Cancellation);
        Assert.Equal(1, opened);

        // While the strangers still come, a new connection may be dropped before its request arrives.
        await Eventually.HoldsAsync(async () =>
        {
            try
            {
                return (await GetAsync(server.Address, "healthz")).Status == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        Assert.True(Directory.GetFiles($"/proc/{server.ProcessId}/fd").Length < 250);
        strangers.ForEach(socket => socket.Dispose());
        Assert.Equal(0, await server.TerminateAsync());
    }

    [Theory]
    [InlineData(64, 32)]
    [InlineData(1024, 512)]
    [InlineData(4096, 3072)]
    [InlineData(1 << 20, 65536)]
    public void ConnectionsMax_LeavesDescriptorsForOtherThings(int descriptors, int connections) =>
        Assert.Equal(connections, ConnectionTable.MaxFor(descriptors));

    [Fact]
    public async Task Serve_Log_HasTimesLevelsAndRequests_AndNothingForeignRaw()
    {
        await using var server = await ServerProcess.ServeAsync(Data, "--log-level", "debug");
        await GetAsync(server.Address, "main/%1b%5b31m%0aforged");
        Assert.Equal(0, await server.TerminateAsync());
        var lines = (await server.ErrorAsync()).TrimEnd('\n').Split('\n');

        Assert.All(lines, line => Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug): ", line));
        Assert.Contains(lines, line => line.Contains("debug: GET /main/%1B%5B31m%0Aforged 404 ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("no token was made yet", StringComparison.Ordinal) && line.Contains("container", StringComparison.Ordinal));
    }

    [Fact]
    public void Log_ForeignText_CannotMoveTheCursorNorPassForALine()
    {
        var output = new StringWriter();
        using (var logger = new LineLogger(output, LogLevel.Information))
        {
            logger.Notice("upstream says \u001b]0;title\a \u202eleft\r\nforged\u2028line\u009b1m ü");
        }

        Assert.EndsWith(
            @"warning: upstream says \x1b]0;title\x07 \u202eleft\x0d\x0aforged\u2028line\x9b1m ü" + "\n", output.ToString(), StringComparison.Ordinal);
    }

    private static async Task<(HttpStatusCode Status, string Text)> GetAsync(Uri server, string path)
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri(server, path), TestServer.Cancellation);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestServer.Cancellation));
    }
}
