using System.Globalization;
using NixFuseStore.MountBenchmarks.Closures;
using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Peers;

namespace NixFuseStore.MountBenchmarks.Scenarios.Daemon;

/// <summary>`nix-instantiate`: Nix adds one derivation after the other and waits for each, whether it is there or not.</summary>
internal static class InstantiateScenario
{
    private const int RoundTripMilliseconds = 10;
    private const double NewSecondsMax = 5;
    private const double KnownSecondsMax = 2;

    public static void Run(Options options, Report report, Databases databases, string folder)
    {
        using var network = new Network("1gbit", RoundTripMilliseconds);
        using var server = new ServerHost(options, Path.Combine(folder, "data"), network, databases.Create());
        using var client = new ClientHost(options, server, network, Path.Combine(folder, "client"));
        using var daemon = new NixDaemon(Path.Combine(folder, "stock"));
        client.Mount();
        List<(double New, double Known)> ours = [], stock = [];
        for (var i = 0; i < options.Repeats; i++)
        {
            var salt = "new" + i.ToString(CultureInfo.InvariantCulture);
            ours.Add(Twice(client.StoreUri, salt));
            stock.Add(Twice(daemon.StoreUri, salt));
        }

        var name = $"nix-instantiate of {LayeredGraph.Nodes}, {RoundTripMilliseconds} ms away";
        Add(name + ", new", run => run.New, NewSecondsMax);
        Add(name + ", known", run => run.Known, KnownSecondsMax);

        void Add(string what, Func<(double New, double Known), double> of, double secondsMax)
        {
            var seconds = Median.Of(ours.Select(of));
            report.Add(DaemonScenario.Group, what, "s", seconds, "-", 0, new(secondsMax, AtMost: true));
            report.Add(DaemonScenario.Group, "  beside a daemon of the same host", "s", seconds, "nix-daemon", Median.Of(stock.Select(of)));
        }

        static (double New, double Known) Twice(string store, string salt) =>
            (LayeredGraph.TimeInstantiation(store, salt), LayeredGraph.TimeInstantiation(store, salt));
    }
}
