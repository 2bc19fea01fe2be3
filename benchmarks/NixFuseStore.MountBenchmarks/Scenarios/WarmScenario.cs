using NixFuseStore.MountBenchmarks.Hosts;

namespace NixFuseStore.MountBenchmarks.Scenarios;

/// <summary>What the kernel has in its caches: beside the same files on the local disk.</summary>
internal static class WarmScenario
{
    private const int SmallFileBytes = 65536;

    public static void Run(Options options, Report report, ClientHost client)
    {
        var local = options.Store + "/nix/store";
        var paths = FileLoops.List(local);

        // The first walk teaches the kernel every entry; the second must not reach the client at all.
        Walk(client.Store);
        Walk(client.Store);
        var before = client.Requests();
        Walk(client.Store);
        report.Add("warm", "requests of a second walk", "", client.Requests() - before, "-", 0, new(0, AtMost: true));

        var (ours, ext4) = Median.OfPair(options.Repeats,
            () => FileLoops.StatRate(client.Store, paths, 20), () => FileLoops.StatRate(local, paths, 20));
        report.Add("warm", "lstat", "/s", ours, "ext4", ext4, new(0.75, AtMost: false));

        var small = paths.Where(path => new FileInfo(Path.Combine(local, path)) is { Exists: true, LinkTarget: null, Length: <= SmallFileBytes }).ToArray();
        FileLoops.OpenReadCloseRate(client.Store, small, 1);
        (ours, ext4) = Median.OfPair(options.Repeats,
            () => FileLoops.OpenReadCloseRate(client.Store, small, 5), () => FileLoops.OpenReadCloseRate(local, small, 5));
        report.Add("warm", "open, read, close of small files", "/s", ours, "ext4", ext4, new(0.65, AtMost: false));

        var large = Largest(local, paths);
        FileLoops.SequentialRate(Path.Combine(client.Store, large), 1);
        (ours, ext4) = Median.OfPair(options.Repeats,
            () => FileLoops.SequentialRate(Path.Combine(client.Store, large), 10), () => FileLoops.SequentialRate(Path.Combine(local, large), 10));
        report.Add("warm", "sequential read of a large file", "MiB/s", ours, "ext4", ext4, new(0.9, AtMost: false));
    }

    public static string Largest(string folder, IEnumerable<string> paths) => paths
        .Select(path => (path, file: new FileInfo(Path.Combine(folder, path))))
        .Where(entry => entry.file is { Exists: true, LinkTarget: null })
        .MaxBy(entry => entry.file.Length).path;

    private static void Walk(string folder) => Shell.Run("find", folder, "-printf", "%y %s %m\n");
}
