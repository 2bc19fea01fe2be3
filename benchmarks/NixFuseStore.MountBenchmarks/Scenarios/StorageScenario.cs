using NixFuseStore.MountBenchmarks.Hosts;

namespace NixFuseStore.MountBenchmarks.Scenarios;

/// <summary>What the store and its mass rebuild cost on the server's disk and on the wire.</summary>
internal static class StorageScenario
{
    private const double StoreMegabytesMax = 280;

    public static void Run(Options options, Report report, Jobs jobs, string folder, string scratch)
    {
        using var network = new Network("1gbit", 10);
        using var server = new ServerHost(options, Path.Combine(folder, "data"), network);
        using var client = new ClientHost(options, server, network, Path.Combine(folder, "client"));

        var (sent, seconds) = Push(options.Store, jobs.TopLevel);
        var first = Megabytes(server.DataDirectory);
        report.Add("storage", "packs and metadata of the store", "MB", first, "-", 0, new(StoreMegabytesMax, AtMost: true));
        report.Add("storage", "first push", "MB sent", sent, "-", 0);
        report.Add("storage", "first push", "s", seconds, "-", 0);
        report.Add("storage", "second push of the same", "MB sent", Push(options.Store, jobs.TopLevel).Sent, "first", sent, new(0.02, AtMost: true));
        if (options.Rebuilt is null)
        {
            return;
        }

        var rebuilt = Jobs.Of(options.Rebuilt, scratch);
        client.Mount();
        var firstRead = Read(jobs.Python);
        report.Add("storage", "push of the mass rebuild", "MB sent", Push(options.Rebuilt, rebuilt.TopLevel).Sent, "first", sent, new(0.02, AtMost: true));
        report.Add("storage", "added by the mass rebuild", "MB", Megabytes(server.DataDirectory) - first, "first", first, new(0.015, AtMost: true));
        report.Add("storage", "python3 of the rebuild, bytes", "MB", Read(rebuilt.Python), "first", firstRead, new(0.03, AtMost: true));
        report.Add("storage", "resident after all this", "MiB", client.ResidentMebibytes(), "-", 0, new(250, AtMost: true));

        (double Sent, double Seconds) Push(string store, IReadOnlyList<string> paths)
        {
            var before = network.ServerReceivedBytes;
            var started = System.Diagnostics.Stopwatch.GetTimestamp();
            client.Push(store, [.. paths]);
            return ((network.ServerReceivedBytes - before) / 1e6, System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds);
        }

        double Read(Job job)
        {
            var before = network.ClientReceivedBytes;
            client.Time(job, scratch);
            // Read-ahead that was under way belongs to the program that caused it.
            Thread.Sleep(2000);
            return (network.ClientReceivedBytes - before) / 1e6;
        }
    }

    private static double Megabytes(string folder) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length) / 1e6;
}
