using NixFuseStore.MountBenchmarks.Hosts;
using NixFuseStore.MountBenchmarks.Load;
using NixFuseStore.MountBenchmarks.Peers;

namespace NixFuseStore.MountBenchmarks.Scenarios;

/// <summary>
/// The server's HTTP binary cache beside nginx that serves the tree of `nix copy --to file://`, everything warm, over loopback.
/// The load generator shares the processors with what it measures.
/// </summary>
internal static class BinaryCacheScenario
{
    private const string Group = "binary-cache";
    private const double RatioMin = 0.5;
    private static readonly int[] Connections = [1, 16];

    public static void Run(Options options, Report report, ServerHost server, string tree, string scratch)
    {
        foreach (var why in new[] { Nginx.WhyMissing, Wrk.WhyMissing })
        {
            if (why is not null)
            {
                report.Skip(Group, "everything", why);
                return;
            }
        }

        using var nginx = new Nginx(tree, scratch, network: null);
        string[] hashParts = [.. Directory.GetFiles(tree, "*.narinfo").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];
        var ours = CacheUrls.Read(server.Url, "/main", server.Token, hashParts);
        var peer = CacheUrls.Read(nginx.Url, "", token: null, hashParts);
        foreach (var connections in Connections)
        {
            Compare($"narinfo, {connections} connections, shared CPUs", "/s", urls => Wrk.Run(urls, urls.Infos, connections, scratch).Requests);
            Compare($"NARs by zstd, {connections} connections, shared CPUs", "MB/s",
                urls => Wrk.Run(urls, urls.Archives, connections, scratch).Bytes * urls.Expansion / 1e6);
        }

        void Compare(string name, string unit, Func<CacheUrls, double> measure)
        {
            var (a, b) = Median.OfPair(options.Repeats, () => measure(ours), () => measure(peer));
            report.Add(Group, name, unit, a, "nginx", b, new(RatioMin, AtMost: false));
        }
    }
}
