using System.Diagnostics;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    /// <summary>The bounds are far from what a quiet machine does (the output tells that); they catch a row-by-row or quadratic mistake.</summary>
    [Fact]
    public async Task Rates_ThousandsOfTinyPathsAndClosuresOfHundreds_AreQuick()
    {
        var samples = new List<SamplePath>();
        for (int i = 0; i < 3_000; i++)
        {
            // As derivations are: a few references to ones registered before.
            var references = Enumerable.Range(1, Math.Min(i, 5)).Select(back => samples[i - (back * back % i) - 1].Path).Distinct().ToArray();
            samples.Add(SamplePath.Create($"tiny-{i}", references));
        }

        var clock = Stopwatch.StartNew();
        await SamplePath.IndexAsync(Metadata, Main, samples);
        Print("index 3000 chunks", clock);

        clock.Restart();
        foreach (var batch in samples.Take(2_000).Chunk(200))
        {
            await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [.. batch.Select(sample => sample.Registration)], cancellationToken: Token);
        }

        var batches = Print("register 2000 paths in calls of 200", clock);

        clock.Restart();
        await Parallel.ForEachAsync(
            samples.Skip(2_000).Take(500),
            new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Token },
            async (sample, token) => await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [sample.Registration with { References = [] }], cancellationToken: token));
        Print("register 500 paths one by one, 32 callers", clock);

        string[] root = [samples[1_999].Path.HashPart];
        await Metadata.GetClosureAsync(Main, root, 243, cancellationToken: Token);
        clock.Restart();
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(243, (await Metadata.GetClosureAsync(Main, root, 243, cancellationToken: Token)).Paths.Count);
        }

        var closures = Print("10 closures of 243 paths", clock);

        clock.Restart();
        string[] parts = [.. samples.Take(1_000).Select(sample => sample.Path.HashPart)];
        Assert.Equal(1_000, (await Metadata.QueryPathsAsync(Main, parts, Token)).Count);
        Print("query 1000 paths", clock);

        var statistics = await Metadata.GetStatisticsAsync(Token);
        TestContext.Current.TestOutputHelper!.WriteLine($"{statistics}");
        Assert.True(batches < TimeSpan.FromSeconds(60), $"registering took {batches}");
        Assert.True(closures < TimeSpan.FromSeconds(20), $"closures took {closures}");
    }

    private static TimeSpan Print(string what, Stopwatch clock)
    {
        var elapsed = clock.Elapsed;
        TestContext.Current.TestOutputHelper!.WriteLine($"{what}: {elapsed.TotalMilliseconds:F0} ms");
        return elapsed;
    }
}
