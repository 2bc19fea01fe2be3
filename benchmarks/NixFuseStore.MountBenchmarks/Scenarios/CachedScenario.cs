using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Peers;

namespace NixFuseStore.MountBenchmarks.Scenarios;

/// <summary>The kernel's caches dropped, every chunk in the client's own cache on the disk.</summary>
internal static class CachedScenario
{
    public static void Run(Options options, Report report, ClientHost client, Jobs jobs, string scratch)
    {
        var local = options.Store + "/nix/store";
        var paths = FileLoops.List(local);
        var large = WarmScenario.Largest(local, paths);
        FileLoops.SequentialRate(Path.Combine(client.Store, large), 1);
        foreach (var job in jobs.All.Where(job => job.Name is "python3" or "nodejs" or "gcc"))
        {
            client.Time(job, scratch);
        }

        // Chunks reach the disk behind the reader's back; a remount shows that they are there.
        client.Unmount();
        client.Mount();
        foreach (var job in jobs.All.Where(job => job.Name is "python3" or "nodejs" or "gcc"))
        {
            var (ours, ext4) = Median.OfPair(options.Repeats,
                () => Dropped(() => client.Time(job, scratch)), () => Dropped(() => Shell.Time("bwrap", job.Bubblewrap(local, scratch))));
            report.Add("cached", job.Name + " start", "s", ours, "ext4", ext4, new(1.5, AtMost: true));
        }

        using var squash = new SquashFuse(options.Store, Path.Combine(scratch, "squash"));
        var (rate, squashRate) = Median.OfPair(options.Repeats,
            () => Dropped(() => FileLoops.SequentialRate(Path.Combine(client.Store, large), 1)),
            () => Dropped(() => FileLoops.SequentialRate(Path.Combine(squash.Store, large), 1)));
        report.Add("cached", "sequential read of a large file", "MiB/s", rate, "squashfuse", squashRate, new(1, AtMost: false));
    }

    private static double Dropped(Func<double> measure)
    {
        Shell.DropCaches();
        return measure();
    }
}
