using System.Globalization;
using System.Text.RegularExpressions;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>A real Prometheus scrapes a server, with a token and at its listener for metrics, and a mount.</summary>
public sealed partial class MetricsTests : EndToEndTest
{
    [Fact]
    public void Prometheus_ScrapesServerAndMount()
    {
        var (serverPort, mountPort) = (Ports.FindFree(), Ports.FindFree());
        var server = Own(new ServerProcess(Folder + "/metered"));
        server.ServeArguments.AddRange(["--metrics", Text(serverPort)]);
        server.Start();
        var token = server.CreateToken("write");
        var client = NewClient(server);
        client.Token = token;
        client.MountArguments.AddRange(["--metrics", Text(mountPort)]);
        client.Mount();
        var prometheus = Own(new PrometheusProcess(
            Folder + "/prometheus",
            ("server", $"127.0.0.1:{serverPort}", null),
            ("doors", new Uri(server.Url).Authority, token),
            ("stranger", new Uri(server.Url).Authority, null),
            ("mount", $"localhost:{mountPort}", null)));

        // A path comes in and is read.
        var added = Command.Run(
            "nix-store", ["--store", $"unix://{client.MountPoint}/var/nix/daemon-socket/socket", "--add", Sample()], environment: null).Succeeded().Trim();
        Assert.Equal("metered", File.ReadAllText(client.Real(added)));

        foreach (var job in (string[])["server", "doors", "mount"])
        {
            prometheus.WaitFor($"up{{job=\"{job}\"}}");
        }

        prometheus.WaitFor("up{job=\"stranger\"} == bool 0");
        prometheus.WaitFor("nixfuse_server_registrations_total{job=\"server\",outcome=\"registered\"}");
        prometheus.WaitFor("nixfuse_server_request_duration_seconds_count{job=\"doors\",endpoint=\"grpc\",method=\"GetStore\",status=\"OK\"}");
        prometheus.WaitFor("nixfuse_mount_requests_total{job=\"mount\",operation=\"Lookup\"}");
        prometheus.WaitFor("nixfuse_store_up{job=\"mount\"}");
        prometheus.WaitFor("nixfuse_cache_size_limit_bytes{job=\"mount\"}");
        prometheus.WaitFor("dotnet_process_memory_working_set_bytes{job=\"mount\"}");
    }

    [Fact]
    public void Page_ListsEverySeries()
    {
        var (serverPort, mountPort) = (Ports.FindFree(), Ports.FindFree());
        var server = Own(new ServerProcess(Folder + "/metered"));
        server.ServeArguments.AddRange(["--metrics", Text(serverPort)]);
        server.Start();
        var client = NewClient(server);
        client.MountArguments.AddRange(["--metrics", Text(mountPort)]);
        client.Mount();
        Command.Run("nix-store", ["--store", $"unix://{client.MountPoint}/var/nix/daemon-socket/socket", "--add", Sample()], environment: null).Succeeded();

        // A small path is registered a moment after it was added.
        Eventually.Within(TimeSpan.FromSeconds(60), "the path is registered", () => SeriesOf(serverPort).Contains("nixfuse_server_registrations_total"));
        var served = SeriesOf(serverPort).Concat(SeriesOf(mountPort)).ToHashSet();
        var listed = NamePattern().Matches(File.ReadAllText(Programs.Repository + "/server/NixFuseStore.Server/METRICS.md")).Select(static match => match.Value).ToHashSet();

        Assert.Empty(served.Except(listed));
        // What was never counted is not served.
        Assert.All(listed.Except(served), static name => Assert.Contains("_upstream_", name, StringComparison.Ordinal));
    }

    [Fact]
    public void Mount_MetricsAddressInUse_IsOneLineAndNoMount()
    {
        var server = StartServer();
        var client = NewClient(server);
        client.MountArguments.AddRange(["--metrics", new Uri(server.Url).Authority]);

        var refused = client.TryMount();

        Assert.Contains("cannot serve metrics at http://127.0.0.1:", refused.FailedWithOneLine(), StringComparison.Ordinal);
        Assert.False(client.IsMounted);
    }

    private static IEnumerable<string> SeriesOf(int port) =>
        Command.Run("curl", "-sf", $"http://127.0.0.1:{port}/metrics").Lines()
            .Where(static line => line.StartsWith("# TYPE nixfuse_", StringComparison.Ordinal)).Select(static line => line.Split(' ')[2]);

    private string Sample()
    {
        File.WriteAllText(Folder + "/sample", "metered");
        return Folder + "/sample";
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex("nixfuse_[a-z_]+")]
    private static partial Regex NamePattern();
}
