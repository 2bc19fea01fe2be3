using NixFuseStore.MountBenchmarks.Closures;
using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Peers;

namespace NixFuseStore.MountBenchmarks.Scenarios.Daemon;

/// <summary>`nix path-info -r`: Nix asks for one path after the other and waits for each.</summary>
internal static class QueryScenario
{
    private const int RoundTripMilliseconds = 10;
    private const double KnownMax = 1.5;
    private const double UnknownSecondsMax = 1;

    public static void Run(Options options, Report report, Databases databases, string folder)
    {
        using var daemon = new NixDaemon(Path.Combine(folder, "stock"));
        var top = LayeredGraph.AddTexts(daemon.StoreUri, "closure");
        var data = Path.Combine(folder, "data");
        var database = databases.Create();
        Known();
        Unknown();

        void Known()
        {
            using var server = new ServerHost(options, data, network: null, database);
            using var client = new ClientHost(options, server, network: null, Path.Combine(folder, "client"));
            client.Mount();
            LayeredGraph.AddTexts(client.StoreUri, "closure");
            Closure(client.StoreUri, top);
            Closure(daemon.StoreUri, top);
            var (ours, stock) = Median.OfPair(options.Repeats, () => Closure(client.StoreUri, top), () => Closure(daemon.StoreUri, top));
            report.Add(DaemonScenario.Group, $"path-info -r of {LayeredGraph.Nodes} paths, known", "s", ours, "nix-daemon", stock, new(KnownMax, AtMost: true));
        }

        void Unknown()
        {
            using var network = new Network("1gbit", RoundTripMilliseconds);
            using var server = new ServerHost(options, data, network, database);
            using var client = new ClientHost(options, server, network, Path.Combine(folder, "far"));
            var seconds = Median.Of(Enumerable.Range(0, options.Repeats).Select(_ =>
            {
                client.EmptyCache();
                client.Mount();
                var run = Closure(client.StoreUri, top);
                client.Unmount();
                return run;
            }));
            report.Add(DaemonScenario.Group, $"the same unknown, {RoundTripMilliseconds} ms away", "s", seconds, "-", 0, new(UnknownSecondsMax, AtMost: true));
        }
    }

    private static double Closure(string store, string top)
    {
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        var paths = Shell.Run("nix", ["--store", store, "path-info", "-r", top], NixSettings.Environment).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var seconds = System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds;
        return paths.Length == LayeredGraph.Nodes + 1
            ? seconds
            : throw new BenchmarkException($"nix path-info -r of {top} in {store}: {paths.Length} paths instead of {LayeredGraph.Nodes + 1}");
    }
}
