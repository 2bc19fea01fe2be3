using System.Globalization;
using System.Text.RegularExpressions;
using NixFuseStore.MountBenchmarks.Hosts;

namespace NixFuseStore.MountBenchmarks.Scenarios;

/// <summary>Thousands of derivations pushed over a link with a delay: they must not cost thousands of packs, fsyncs or round trips.</summary>
internal static partial class TinyScenario
{
    private const int Count = 5000;
    private const int PacksMax = 20;

    public static void Run(Options options, Report report, string folder)
    {
        var source = MakeDerivations(folder, out var paths);
        using var network = new Network("1gbit", 10);
        using var server = new ServerHost(options, Path.Combine(folder, "data"), network);
        using var client = new ClientHost(options, server, network, Path.Combine(folder, "client"));
        var counts = Path.Combine(folder, "fsyncs");
        using var trace = Shell.Start("strace", ["-f", "-c", "-e", "trace=fsync,fdatasync", "-o", counts, "-p", server.ProcessId.ToString(CultureInfo.InvariantCulture)]);
        Thread.Sleep(1000);
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        client.Push(source, paths);
        var seconds = System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds;
        Shell.Run("kill", "-INT", trace.Id.ToString(CultureInfo.InvariantCulture));
        trace.WaitForExit(TimeSpan.FromSeconds(10));
        var fsyncs = CallCount().Matches(File.ReadAllText(counts)).Sum(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
        report.Add("tiny", $"push of {Count} derivations", "s", seconds, "-", 0);
        report.Add("tiny", "fsyncs", "", fsyncs, "-", 0);
        report.Add("tiny", "packs", "", Packs(server.DataDirectory), "-", 0, new(PacksMax, AtMost: true));
    }

    private static int Packs(string dataDirectory) => Directory.EnumerateFiles(dataDirectory + "/packs", "*", SearchOption.AllDirectories)
        .Count(file => !file.EndsWith(".lock", StringComparison.Ordinal));

    private static string MakeDerivations(string folder, out string[] paths)
    {
        var source = Path.Combine(folder, "source");
        var expression = "builtins.genList (n: derivation { name = \"tiny-${toString n}\"; system = \"x86_64-linux\"; builder = \"/bin/sh\"; inherit n; }) "
            + Count.ToString(CultureInfo.InvariantCulture);
        paths = Shell.Run("nix-instantiate", ["--store", source, "--expr", expression], new Dictionary<string, string> { ["NIX_REMOTE"] = "", ["HOME"] = folder })
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return source;
    }

    // A line of strace's summary: % time, seconds, usecs/call, calls, errors, syscall.
    [GeneratedRegex(@"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*f(?:data)?sync$", RegexOptions.Multiline)]
    private static partial Regex CallCount();
}
