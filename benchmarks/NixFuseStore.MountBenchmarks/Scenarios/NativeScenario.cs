using System.Diagnostics;
using NixFuseStore.MountBenchmarks.Hosts;

namespace NixFuseStore.MountBenchmarks.Scenarios;

/// <summary>The native client beside one of the same code on the .NET runtime (<c>--beside</c>), in turn, with one server.</summary>
internal static class NativeScenario
{
    public const string Group = "native";
    private const string Peer = "ReadyToRun";
    private const double MountSecondsMax = 0.05;
    private const double FirstStartRatioMax = 0.6;

    public static void Run(Options options, Report report, Jobs jobs, string dataDirectory, string scratch)
    {
        if (options.Beside is not { } beside)
        {
            report.Skip(Group, "native beside ReadyToRun", "give --beside DIR, with a nixfuse that ./build.sh --quick has made");
            return;
        }

        var managed = options with { Programs = beside };
        using (var server = new ServerHost(options, dataDirectory, network: null))
        {
            using var one = new ClientHost(options, server, network: null, Path.Combine(scratch, "native"));
            using var two = new ClientHost(managed, server, network: null, Path.Combine(scratch, "managed"));
            one.Push(options.Store, [.. jobs.TopLevel]);

            // The first start of each meets files that are not in the page cache.
            Mounted(one, static _ => 0);
            Mounted(two, static _ => 0);

            var seconds = Median.OfPair(options.Repeats, () => MountSeconds(one), () => MountSeconds(two));
            report.Add(Group, "mount until usable, loopback", "s", seconds.Ours, Peer, seconds.Peer);
            report.Add(Group, "the same, alone", "s", seconds.Ours, "-", 0, new(MountSecondsMax, AtMost: true));
            Compare(one, two, "processor time of the mount", "s", client => Mounted(client, static client => client.ProcessorSeconds()));
            Compare(one, two, "resident at start", "MiB", client => Mounted(client, static client => client.ResidentMebibytes()));

            // Everything once from the server, then from the disk cache with the kernel's caches dropped.
            Compare(one, two, "processor time of all files, cold", "s", client => Cold(client, () =>
            {
                ReadAll(client);
                return client.ProcessorSeconds();
            }));
            Compare(one, two, "resident after that", "MiB", client => Cold(client, () =>
            {
                ReadAll(client);
                return client.ResidentMebibytes();
            }));
            Compare(one, two, "all files out of the disk cache", "s", client => Mounted(client, ReadAll));
        }

        using var network = new Network("1gbit", 10);
        using var farServer = new ServerHost(options, dataDirectory, network);
        using var near = new ClientHost(options, farServer, network, Path.Combine(scratch, "native"));
        using var far = new ClientHost(managed, farServer, network, Path.Combine(scratch, "managed"));
        var first = Median.OfPair(options.Repeats, () => FirstStart(near).Seconds, () => FirstStart(far).Seconds);
        report.Add(Group, "python3's first start on far", "s", first.Ours, Peer, first.Peer, new(FirstStartRatioMax, AtMost: true));
        var processor = Median.OfPair(options.Repeats, () => FirstStart(near).Processor, () => FirstStart(far).Processor);
        report.Add(Group, "processor time of the client in it", "s", processor.Ours, Peer, processor.Peer);

        void Compare(ClientHost one, ClientHost two, string name, string unit, Func<ClientHost, double> measure)
        {
            var (ours, theirs) = Median.OfPair(options.Repeats, () => measure(one), () => measure(two));
            report.Add(Group, name, unit, ours, Peer, theirs);
        }

        (double Seconds, double Processor) FirstStart(ClientHost client)
        {
            RecordedUse.Forget(dataDirectory);
            client.EmptyCache();
            Shell.DropCaches();
            var started = Stopwatch.GetTimestamp();
            client.Mount();
            client.Time(jobs.Python, scratch);
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            var processor = client.ProcessorSeconds();
            client.Unmount();
            return (seconds, processor);
        }
    }

    private static double MountSeconds(ClientHost client)
    {
        client.EmptyCache();
        var started = Stopwatch.GetTimestamp();
        client.Mount();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        client.Unmount();
        return seconds;
    }

    private static double Mounted(ClientHost client, Func<ClientHost, double> measure)
    {
        client.Mount();
        var result = measure(client);
        client.Unmount();
        return result;
    }

    private static double Cold(ClientHost client, Func<double> measure)
    {
        client.EmptyCache();
        return Mounted(client, _ => measure());
    }

    private static double ReadAll(ClientHost client)
    {
        Shell.DropCaches();
        return Shell.Time("sh", ["-c", "find \"$0\" -type f -exec cat {} + >/dev/null", client.Store]);
    }
}
