using System.Globalization;
using NixFuseStore.MountBenchmarks.Hosts;

namespace NixFuseStore.MountBenchmarks.Scenarios.Daemon;

/// <summary>`nix copy` of the whole store into the socket, beside `nix copy` into a local chroot store on the same disk.</summary>
internal static class CopyScenario
{
    private const double SpeedMin = 0.7;
    private const int RepeatsMax = 3;

    public static void Run(Options options, Report report, Databases databases, string folder)
    {
        var run = 0;
        var (ours, local) = Median.OfPair(Math.Min(options.Repeats, RepeatsMax), Ours, Local);
        report.Add(DaemonScenario.Group, "nix copy of the store into the socket", "s", ours, "local store", local, new(1 / SpeedMin, AtMost: true));

        // Each run begins with a store that has nothing.
        double Ours()
        {
            var place = Place();
            using var server = new ServerHost(options, Path.Combine(place, "data"), network: null, databases.Create());
            using var client = new ClientHost(options, server, network: null, Path.Combine(place, "client"));
            client.Mount();
            return Copy(client.StoreUri);
        }

        double Local() => Copy(Place());

        string Place() => Directory.CreateDirectory(Path.Combine(folder, (run++).ToString(CultureInfo.InvariantCulture))).FullName;

        double Copy(string destination)
        {
            Shell.Run("sync");
            return Shell.Time(
                "nix", ["copy", "--all", "--no-check-sigs", "--from", options.Store, "--to", destination], NixSettings.Environment);
        }
    }
}
