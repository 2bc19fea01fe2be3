using System.Globalization;
using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Peers;

namespace NixFuseStore.MountBenchmarks.Scenarios.Daemon;

/// <summary>Builds that do next to nothing, so that all that is measured stands around them: beside stock Nix's daemon, which builds in a sandbox too.</summary>
internal static class BuildScenario
{
    private const int Slots = 2;
    private const int Independent = 40;
    private const int Chained = 20;
    private const double IndependentRatioMax = 2.0;
    private const double ChainedRatioMax = 2.5;
    private const string Expression = """
        { bash, salt, count, chained }:
        let
          step = i: before: derivation {
            name = "${salt}-${toString i}";
            system = builtins.currentSystem;
            builder = "${builtins.storePath bash}/bin/bash";
            inherit before;
            args = [ "-c" "echo ${toString i} > $out; :" ];
          };
          numbers = builtins.genList (i: i) count;
        in if chained then [ (builtins.foldl' (before: i: step i before) "" numbers) ] else map (i: step i "") numbers
        """;

    private static readonly Dictionary<string, string> Environment = new(NixSettings.Environment)
    {
        ["NIX_CONFIG"] = NixSettings.Environment["NIX_CONFIG"]
            + string.Create(CultureInfo.InvariantCulture, $"\nsandbox = true\nsandbox-fallback = false\nmax-jobs = {Slots}"),
    };

    public static void Run(Options options, Report report, Databases databases, string folder)
    {
        using var server = new ServerHost(options, Path.Combine(folder, "data"), network: null, databases.Create());
        using var client = new ClientHost(options, server, network: null, Path.Combine(folder, "client"));
        using var daemon = new NixDaemon(Path.Combine(folder, "stock"), Environment);
        var bash = Directory.GetDirectories(options.Store + "/nix/store", "*-bash-*").Select(static path => "/nix/store/" + Path.GetFileName(path)).Single();
        var expression = Path.Combine(folder, "steps.nix");
        File.WriteAllText(expression, Expression);
        client.Push(options.Store, bash);
        client.Mount("--max-jobs", Slots.ToString(CultureInfo.InvariantCulture));
        Shell.Run("nix", ["copy", "--no-check-sigs", "--from", options.Store, "--to", daemon.StoreUri, bash], Environment);

        var run = 0;
        Time(client.StoreUri, Slots, chained: false);
        Time(daemon.StoreUri, Slots, chained: false);
        Compare($"{Independent} builds, {Slots} at a time", Independent, chained: false, IndependentRatioMax);
        Compare($"{Chained} builds, each needs the one before", Chained, chained: true, ChainedRatioMax);

        void Compare(string what, int count, bool chained, double ratioMax)
        {
            var (ours, stock) = Median.OfPair(options.Repeats, () => Time(client.StoreUri, count, chained), () => Time(daemon.StoreUri, count, chained));
            report.Add(DaemonScenario.Group, what, "s", ours, "nix-daemon", stock, new(ratioMax, AtMost: true));
        }

        double Time(string store, int count, bool chained) => Shell.Time(
            "nix-build",
            [
                expression, "--store", store, "--no-out-link", "--argstr", "bash", bash, "--argstr", "salt", $"step{run++}", "--arg", "count",
                count.ToString(CultureInfo.InvariantCulture), "--arg", "chained", chained ? "true" : "false",
            ],
            Environment);
    }
}
