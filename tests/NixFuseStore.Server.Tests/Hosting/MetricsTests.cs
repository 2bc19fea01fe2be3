using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using NixFuseStore.Server.Tests.Commands;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.Hosting;

/// <summary>Who gets a server's metrics, and where.</summary>
public sealed class MetricsTests : IDisposable
{
    private const string Series = "nixfuse_server_request_duration_seconds_count{";

    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-metrics-").FullName;

    private string Data => _directory + "/data";

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Metrics_WantATokenAsEverythingElse()
    {
        await using var server = await ServerProcess.ServeAsync(Data);
        var (_, created, _) = await ServerProcess.RunAsync("token", "create", "--data", Data, "--store", "main", "--rights", "read");
        var token = created.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)[^1];

        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(server.Address, "metrics")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await GetAsync(server.Address, "metrics", "nixfuse_wrong")).Status);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(server.Address, "metrics", token)).Status);
        await Eventually.HoldsAsync(async () =>
            (await GetAsync(server.Address, "metrics", token)).Text.Contains(Series, StringComparison.Ordinal));
        Assert.Equal((HttpStatusCode.OK, "ok\n"), await GetAsync(server.Address, "healthz"));
        Assert.Equal((HttpStatusCode.OK, "ready\n"), await GetAsync(server.Address, "readyz"));
    }

    [Fact]
    public async Task MetricsListener_ServesThemAloneAndWithoutAToken()
    {
        var port = FreePort();
        await using var server = await ServerProcess.ServeAsync(Data, "--metrics", $"{port}");
        await ServerProcess.RunAsync("token", "create", "--data", Data, "--store", "main", "--rights", "read");
        var listener = new Uri($"http://127.0.0.1:{port}");

        await Eventually.HoldsAsync(async () => (await GetAsync(listener, "metrics")).Text.Contains(Series, StringComparison.Ordinal));
        Assert.Equal((HttpStatusCode.NotFound, "there is only /metrics here\n"), await GetAsync(listener, "main/nix-cache-info"));
        Assert.Equal((HttpStatusCode.NotFound, "there is only /metrics here\n"), await GetAsync(listener, "healthz"));
    }

    [Theory]
    [InlineData("--metrics", "nowhere", "nixfuse-server: --metrics: 'nowhere' is no address for metrics; expected HOST:PORT, or PORT for loopback alone")]
    [InlineData("--otlp-endpoint", "collector", "nixfuse-server: --otlp-endpoint: 'collector' is no address of a collector; expected http://HOST:PORT or https://HOST:PORT")]
    public async Task Serve_WrongAddress_IsOneLine(string option, string value, string expected)
    {
        var (status, output, error) = await ServerProcess.RunAsync("serve", "--data", Data, option, value);

        Assert.NotEqual(0, status);
        Assert.Equal("", output);
        Assert.Equal(expected, error.TrimEnd('\n'));
    }

    [Fact]
    public async Task Collector_GetsThem_AndItsAbsenceIsSaidOnce()
    {
        using var collector = new HttpListener();
        var port = FreePort();
        collector.Prefixes.Add($"http://127.0.0.1:{port}/");
        await using var server = await ServerProcess.ServeInAsync(
            new() { ["OTEL_METRIC_EXPORT_INTERVAL"] = "300" }, Data, "--otlp-endpoint", $"http://127.0.0.1:{port}");
        await Task.Delay(1_500, TestServer.Cancellation);

        collector.Start();
        var context = await collector.GetContextAsync().WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
        using var body = new MemoryStream();
        await context.Request.InputStream.CopyToAsync(body, TestServer.Cancellation);
        context.Response.ContentType = "application/x-protobuf";
        context.Response.Close();

        Assert.Equal("/v1/metrics", context.Request.Url!.AbsolutePath);
        Assert.True(body.ToArray().AsSpan().IndexOf("nixfuse.server.connections"u8) > 0);
        collector.Stop();
        Assert.Equal(0, await server.TerminateAsync());
        Assert.Contains($"metrics cannot be sent to http://127.0.0.1:{port}", await server.ErrorAsync(), StringComparison.Ordinal);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task<(HttpStatusCode Status, string Text)> GetAsync(Uri server, string path, string? token = null)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using var response = await http.GetAsync(new Uri(server, path), TestServer.Cancellation);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestServer.Cancellation));
    }
}
