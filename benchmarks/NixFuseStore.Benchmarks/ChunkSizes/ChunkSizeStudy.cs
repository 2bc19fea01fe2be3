using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.Benchmarks.ChunkSizes;

/// <summary>What chunk sizes cost and give on a real store; the result is CHUNK-SIZES.md beside the chunker.</summary>
internal static class ChunkSizeStudy
{
    private const int SizesLevel = 3; // quick enough to compare many sizes

    private static readonly (int Min, int Average, int Max, int Large)[] Sizes =
    [
        (4, 16, 64, 64), (4, 16, 64, 16), (8, 16, 64, 32), (8, 32, 128, 128), (8, 32, 128, 64), (8, 32, 128, 32), (4, 32, 128, 64), (16, 32, 128, 128),
        (8, 32, 64, 64), (16, 32, 64, 64), (8, 64, 256, 256), (16, 64, 256, 64), (16, 64, 256, 256), (32, 64, 256, 256),
        (16, 128, 512, 512), (32, 128, 512, 512), (64, 256, 1024, 1024),
    ];

    public static void RunSizes(string root, string rebuiltRoot, string pagesFolder)
    {
        var jobs = TouchedPages.Load(pagesFolder);
        Console.WriteLine("Sizes in KiB (min/average/max, forced cuts around files from); bytes in MB (10^6), zstd level 3, chunk by chunk.");
        Console.WriteLine($"| sizes | chunks | stored | + metadata | rebuild adds | {string.Join(" | ", jobs.Select(job => job.Name))} |");
        Console.WriteLine($"|---|---:|---:|---:|---:|{string.Concat(jobs.Select(_ => "---:|"))}");
        foreach (var (min, average, max, large) in Sizes)
        {
            var parameters = ChunkingParameters.ForStudy(min << 10, average << 10, max << 10, large << 10);
            var chunks = new StudyChunks(SizesLevel);
            var metadata = new StudySections();
            var manifests = Build(root, parameters, chunks, metadata);
            var (stored, described, count) = (chunks.StoredBytes, metadata.StoredBytes, chunks.Count);
            var parts = metadata.ToString();
            var counts = metadata.Counts.ToDictionary();
            var rebuilt = Build(rebuiltRoot, parameters, chunks, metadata);
            var fetched = jobs.Select(job => job.Cost(manifests, rebuilt, chunks)).ToArray();
            var added = chunks.StoredBytes - stored + metadata.StoredBytes - described;
            var again = string.Join(", ", metadata.Counts.Select(kind => $"{kind.Value - counts[kind.Key]} of {counts[kind.Key]} {kind.Key}"));
            Console.WriteLine($"| {min}/{average}/{max} {large} | {count} | {Mb(stored)} | {described / 1e6:F2} ({parts}) | {added / 1e6:F3} ({again}) | "
                + string.Join(" | ", fetched.Select(cost => $"{Mb(cost.Bytes)} in {cost.Chunks}, {cost.Again / 1000.0:F0} kB")) + " |");
        }
    }

    public static void RunLevels(string root, string pagesFolder)
    {
        var jobs = TouchedPages.Load(pagesFolder);
        Console.WriteLine($"| zstd level | stored MB | compress MB/s | decompress MB/s | {string.Join(" | ", jobs.Select(job => job.Name))} |");
        Console.WriteLine($"|---|---:|---:|---:|{string.Concat(jobs.Select(_ => "---:|"))}");
        for (var level = 1; level <= 12; level++)
        {
            var chunks = new StudyChunks(level) { MeasureDecompression = true };
            var manifests = Build(root, ChunkingParameters.Current, chunks, new StudySections());
            Console.WriteLine($"| {level} | {Mb(chunks.StoredBytes)} | {chunks.CompressSpeed / 1e6:F0} | {chunks.DecompressSpeed / 1e6:F0} | "
                + string.Join(" | ", jobs.Select(job => Mb(job.Cost(manifests, manifests, chunks).Bytes))) + " |");
        }
    }

    private static string Mb(long bytes) => (bytes / 1e6).ToString("F1", System.Globalization.CultureInfo.InvariantCulture);

    private static Dictionary<string, Manifest> Build(string root, ChunkingParameters parameters, StudyChunks chunks, StudySections sections)
    {
        using var store = LocalNixStore.Open(root);
        var manifests = new Dictionary<string, Manifest>(StringComparer.Ordinal);
        foreach (var info in store.All())
        {
            var builder = new ContentBuilder(StoreDirectory.Default, chunks, parameters);
            FileTreeWalker.Walk(store.RealPath(info.Path), builder, CancellationToken.None);
            var manifest = builder.Finish();
            sections.Add(manifest);
            manifests.Add(info.Path.BaseName, manifest);
        }

        return manifests;
    }
}
