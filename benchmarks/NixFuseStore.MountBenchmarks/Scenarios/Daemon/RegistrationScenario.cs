using System.Globalization;
using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Load;
using NixFuseStore.MountBenchmarks.Peers;

namespace NixFuseStore.MountBenchmarks.Scenarios.Daemon;

/// <summary>Many clients that register small paths at once; afterwards everything is there, once.</summary>
internal static class RegistrationScenario
{
    private const int Each = 200;
    private const double RatioMin = 1.5;
    private const double OutputsRatioMin = 1.0;

    // Texts may be answered from the client's journal; other hosts see them within a second.
    private const int VisibleWithinSeconds = 30;

    /// <param name="options">How often.</param>
    /// <param name="report">Takes the figures.</param>
    /// <param name="metadata">URI of the server's PostgreSQL database; null for its own SQLite.</param>
    /// <param name="database">What that is, for the report.</param>
    /// <param name="folder">Where everything lies.</param>
    public static void Run(Options options, Report report, string? metadata, string database, string folder)
    {
        using var server = new ServerHost(options, Path.Combine(folder, "data"), network: null, metadata);
        using var client = new ClientHost(options, server, network: null, Path.Combine(folder, "client"));
        using var daemon = new NixDaemon(Path.Combine(folder, "stock"));
        client.Mount();

        // The programs under measurement compile their hot code once.
        (string What, Func<string, int, RegistrationLoad> Make)[] loads =
            [("texts", RegistrationLoad.OfTexts), ("sources", RegistrationLoad.OfSources), ("outputs", RegistrationLoad.OfOutputs)];
        foreach (var (_, make) in loads)
        {
            make("warm", Each).Run(client.DaemonSocket);
            make("warm", Each).Run(daemon.Socket);
        }

        HashSet<string> paths = [];
        var operations = 0;
        foreach (var (what, make) in loads)
        {
            Compare(what, make);
        }

        Count();

        void Compare(string what, Func<string, int, RegistrationLoad> make)
        {
            List<double> ours = [], stock = [];
            for (var i = 0; i < options.Repeats; i++)
            {
                var load = make("load-" + what + i.ToString(CultureInfo.InvariantCulture), Each);
                ours.Add(load.Run(client.DaemonSocket));
                stock.Add(load.Run(daemon.Socket));
                paths.UnionWith(load.Paths);
                operations += load.Operations;
            }

            report.Add(DaemonScenario.Group, $"{what} by {RegistrationLoad.Connections} connections, {database}", "/s",
                Median.Of(ours), "nix-daemon", Median.Of(stock), new(what == "outputs" ? OutputsRatioMin : RatioMin, AtMost: false));
        }

        void Count()
        {
            string[] there = [];
            try
            {
                Shell.Await("everything is registered", () => paths.IsSubsetOf(there = client.List("")), VisibleWithinSeconds);
            }
            catch (BenchmarkException)
            {
                // What is missing is the figure.
            }

            var loaded = there.Where(path => path.Contains("-load-", StringComparison.Ordinal)).ToArray();
            report.Add(DaemonScenario.Group, $"lost of {operations} registrations", "", paths.Except(loaded).Count(), "-", 0, new(0, AtMost: true));
            report.Add(DaemonScenario.Group, "there twice, or never registered", "", loaded.Length - paths.Intersect(loaded).Count(), "-", 0, new(0, AtMost: true));
        }
    }
}
