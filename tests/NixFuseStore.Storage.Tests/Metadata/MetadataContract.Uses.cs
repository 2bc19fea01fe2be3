using System.Security.Cryptography;
using NixFuseStore.Content;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    private static readonly ChunkRun[] SomeRuns = [new(0, 1), new(2, 1)];

    [Fact]
    public async Task ReportUse_OfSomeChunks_IsToldOfThatManifestOnly()
    {
        var read = SamplePath.Create("read", RandomNumberGenerator.GetBytes(400_000));
        var other = SamplePath.Create("other", RandomNumberGenerator.GetBytes(400_000));
        await AddAsync(read, other);

        await Metadata.ReportUseAsync(Main, [new ChunkUse(read.Manifest.Digest, SomeRuns, Continued: false)], Token);

        var used = await Metadata.GetUsedChunksAsync(Main, [read.Manifest.Digest, other.Manifest.Digest], Token);
        Assert.Equal([read.Manifest.Digest], used.Keys);
        Assert.Equal(SomeRuns, used[read.Manifest.Digest]);
    }

    [Fact]
    public async Task ReportUse_AgainAndAgain_KeepsWhatIsReadOftenOrOfLate()
    {
        var sample = SamplePath.Create("often", RandomNumberGenerator.GetBytes(400_000));
        await AddAsync(sample);
        await ReportAsync(SomeRuns);
        for (var job = 0; job < 10; job++)
        {
            await ReportAsync(new ChunkRun(0, 1));
        }

        await ReportAsync(new ChunkRun(0, 1), new ChunkRun(4, 1));

        Assert.Equal([new ChunkRun(0, 1), new ChunkRun(4, 1)], (await Metadata.GetUsedChunksAsync(Main, [sample.Manifest.Digest], Token))[sample.Manifest.Digest]);

        Task ReportAsync(params ChunkRun[] runs) => Metadata.ReportUseAsync(Main, [new ChunkUse(sample.Manifest.Digest, runs, Continued: false)], Token);
    }

    [Fact]
    public async Task ReportUse_OfContentThatIsRebuiltUnderAnotherName_IsKnownThereToo()
    {
        var content = RandomNumberGenerator.GetBytes(400_000);
        var (built, rebuilt) = (SamplePath.Create("built", content), SamplePath.Create("rebuilt", content));
        await AddAsync(built);
        await Metadata.ReportUseAsync(Main, [new ChunkUse(built.Manifest.Digest, SomeRuns, Continued: false)], Token);
        await AddAsync(rebuilt);

        Assert.Equal(SomeRuns, (await Metadata.GetUsedChunksAsync(Main, [rebuilt.Manifest.Digest], Token))[rebuilt.Manifest.Digest]);
    }

    [Fact]
    public async Task ReportUse_OfPathsThatAreNotValidHere_IsPassedOver()
    {
        var sample = SamplePath.Create("vanished", RandomNumberGenerator.GetBytes(400_000));
        await AddAsync(sample);
        var elsewhere = await CreateStoreAsync("elsewhere");
        var use = new ChunkUse(sample.Manifest.Digest, SomeRuns, Continued: false);
        var unknown = new ChunkUse(ManifestDigest.Read(RandomNumberGenerator.GetBytes(32)), SomeRuns, Continued: false);

        // 1. Neither another store's nor nobody's.
        await Metadata.ReportUseAsync(elsewhere.Id, [use, unknown], Token);
        Assert.Empty(await Metadata.GetUsedChunksAsync(elsewhere.Id, [use.Manifest, unknown.Manifest], Token));
        await Metadata.ReportUseAsync(Main, [], Token);

        // 2. Nor one that was revoked in between; what was known before waits for its return.
        await Metadata.ReportUseAsync(Main, [use], Token);
        await Metadata.RevokePathsAsync(Main, [sample.Path], Token);
        await Metadata.ReportUseAsync(Main, [use with { Chunks = [new ChunkRun(5, 1)] }], Token);
        await AddAsync(sample);
        Assert.Equal(SomeRuns, (await Metadata.GetUsedChunksAsync(Main, [use.Manifest], Token))[use.Manifest]);
    }

    [Fact]
    public async Task ReportUse_ByManyAtOnce_NeverFails()
    {
        var samples = Enumerable.Range(0, 20).Select(i => SamplePath.Create($"busy-{i}", RandomNumberGenerator.GetBytes(200_000))).ToArray();
        await AddAsync(samples);
        var second = await OpenAsync();
        var uses = samples.Select(sample => new ChunkUse(sample.Manifest.Digest, SomeRuns, Continued: false)).ToArray();

        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => (i % 2 == 0 ? Metadata : second).ReportUseAsync(Main, [.. uses.OrderBy(use => (use.GetHashCode() * 31) ^ i)], Token)));

        Assert.Equal(samples.Length, (await Metadata.GetUsedChunksAsync(Main, [.. uses.Select(use => use.Manifest)], Token)).Count);
    }
}
