using System.Diagnostics;
using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Peers;

namespace NixFuseStore.MountBenchmarks.Scenarios;

/// <summary>
/// A host with nothing cached and no client running: from `nixfuse mount` to the end of the job, beside `nix copy` and the job. Once as the first
/// host that ever runs the job, and once after another host has run it.
/// </summary>
internal static class ColdScenario
{
    public static readonly (string Name, string Rate, double Job, double Environment)[] Links =
        [("slow", "100mbit", 2, 8), ("far", "1gbit", 1.2, 5)];

    private const int RoundTripMilliseconds = 10;
    private const double BytesOfJob = 0.5;
    private const double BytesOfEnvironment = 0.1;

    public static void Run(Options options, Report report, Jobs jobs, string dataDirectory, string scratch)
    {
        var cache = BinaryCache.Make(options.Store, Path.Combine(options.WorkDirectory, "binary-cache"));
        foreach (var (link, rate, jobLevel, environmentLevel) in Links)
        {
            using var network = new Network(rate, RoundTripMilliseconds);
            using var server = new ServerHost(options, dataDirectory, network);
            using var client = new ClientHost(options, server, network, Path.Combine(scratch, "cold"));
            using var copy = new BinaryCache(cache, scratch, network);
            using var sshfs = Sshfs.IsPossible ? new Sshfs(options.Store, scratch, network) : null;

            foreach (var job in jobs.All)
            {
                Compare($"{job.Name} on {link}", [job.Path], job, jobLevel, BytesOfJob);
                if (sshfs is not null && job == jobs.Python && options.WantsRow($"{job.Name} on {link}"))
                {
                    report.Add("cold", $"{job.Name} on {link}", "s", Cold(() => client.Time(job, scratch)).Seconds, "sshfs", Shell.Time("bwrap", job.Bubblewrap(sshfs.Store, scratch)));
                }
            }

            Compare($"python3 of the environment on {link}", jobs.TopLevel, jobs.Python, environmentLevel, BytesOfEnvironment);
            if (options.WantsRow($"every file of gcc's closure on {link}"))
            {
                ReadClosure(link);
            }

            void Compare(string name, IReadOnlyList<string> closure, Job job, double level, double bytesLevel)
            {
                if (!options.WantsRow(name))
                {
                    return;
                }

                List<(double Seconds, long Bytes)> first = [], later = [], theirs = [];
                for (var i = 0; i < options.Repeats; i++)
                {
                    // The second host has nothing of the first one but what the server learnt from it.
                    RecordedUse.Forget(dataDirectory);
                    first.Add(Cold(() => client.Time(job, scratch)));
                    later.Add(Cold(() => client.Time(job, scratch)));
                    theirs.Add(copy.CopyAndRun(closure, store => ("bwrap", job.Bubblewrap(store, scratch))));
                }

                Report(name + ", first host ever", first, theirs, level, bytesLevel);
                Report(name + ", run before on another host", later, theirs, level, bytesLevel);
            }

            void ReadClosure(string linkName)
            {
                var closure = Shell.Run("nix-store", ["--store", options.Store, "--query", "--requisites", jobs.Gcc.Path], NoDaemon)
                    .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(path => Path.GetFileName(path)!).ToArray();
                List<(double Seconds, long Bytes)> ours = [], theirs = [];
                for (var i = 0; i < Math.Min(3, options.Repeats); i++)
                {
                    RecordedUse.Forget(dataDirectory);
                    ours.Add(Cold(() => Shell.Run("sh", ReadAll(client.Store, closure))));
                    theirs.Add(copy.CopyAndRun([jobs.Gcc.Path], store => ("sh", ReadAll(store, closure))));
                }

                Report($"every file of gcc's closure on {linkName}", ours, theirs, 1, null);
            }

            (double Seconds, long Bytes) Cold(Func<object> then)
            {
                client.EmptyCache();
                Shell.DropCaches();
                var received = network.ClientReceivedBytes;
                var started = Stopwatch.GetTimestamp();
                client.Mount();
                then();
                var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
                var bytes = network.ClientReceivedBytes - received;
                client.Unmount();
                return (seconds, bytes);
            }
        }

        void Report(string name, List<(double Seconds, long Bytes)> ours, List<(double Seconds, long Bytes)> theirs, double level, double? bytesLevel)
        {
            var seconds = Median.Of(ours.Select(run => run.Seconds));
            var peer = Median.Of(theirs.Select(run => run.Seconds));
            report.Add("cold", name, "s", seconds, "nix copy", peer, new(1 / level, AtMost: true));
            report.Add("cold", name + ", bytes", "MB", Median.Of(ours.Select(run => run.Bytes / 1e6)), "nix copy",
                Median.Of(theirs.Select(run => run.Bytes / 1e6)), bytesLevel is null ? null : new(bytesLevel.Value, AtMost: true));
        }
    }

    private static string[] ReadAll(string store, IEnumerable<string> names) =>
        ["-c", "cd \"$0\" && find \"$@\" -type f -exec cat {} + >/dev/null", store, .. names];

    private static readonly Dictionary<string, string> NoDaemon = new() { ["NIX_REMOTE"] = "" };
}
