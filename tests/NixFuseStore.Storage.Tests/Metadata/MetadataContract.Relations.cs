using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    [Fact]
    public async Task GetReferrers_OfSeveralPaths_SelfIncluded()
    {
        var bottom = SamplePath.Create("bottom");
        var self = SamplePath.Create("self", SamplePath.Name("self"), bottom.Path);
        var top = SamplePath.Create("top", bottom.Path);
        await AddAsync(bottom, self, top);
        var otherName = StorePath.ParseBaseName($"{bottom.Path.HashPart}-other-name");

        var referrers = await Metadata.GetReferrersAsync(
            Main, [bottom.Path, self.Path, top.Path, SamplePath.Name("nothing"), otherName, bottom.Path], Token);

        Assert.Equal([.. new[] { self.Path, top.Path }.Order()], referrers[bottom.Path]);
        Assert.Equal([self.Path], referrers[self.Path]);
        Assert.Equal(2, referrers.Count);
        Assert.Empty(await Metadata.GetReferrersAsync((await CreateStoreAsync("other")).Id, [bottom.Path], Token));
    }

    [Fact]
    public async Task Register_DerivationOutputs_AreFoundAsDeriversWhileItIsValid()
    {
        var (first, second) = (SamplePath.Create("first.drv"), SamplePath.Create("second.drv"));
        var (output, own) = (SamplePath.Name("output"), SamplePath.Name("own"));
        await SamplePath.IndexAsync(Metadata, Main, first, second);
        await Metadata.RegisterPathsAsync(
            Main,
            ChunkScope.All,
            [
                first.Registration with { DerivationOutputs = Outputs(("out", output), ("dev", own)) },
                second.Registration with { DerivationOutputs = Outputs(("out", output)) },
            ],
            cancellationToken: Token);

        var derivers = await Metadata.GetDeriversAsync(Main, [output, own, SamplePath.Name("nothing")], Token);
        Assert.Equal([.. new[] { first.Path, second.Path }.Order()], derivers[output]);
        Assert.Equal([first.Path], derivers[own]);
        Assert.Equal(2, derivers.Count);
        Assert.Empty(await Metadata.GetDeriversAsync((await CreateStoreAsync("other")).Id, [output], Token));

        await Metadata.RevokePathsAsync(Main, [first.Path], Token);
        Assert.Equal([second.Path], (await Metadata.GetDeriversAsync(Main, [output, own], Token)).SelectMany(group => group));
    }

    [Fact]
    public async Task Realisations_TheFirstStays()
    {
        var now = await Metadata.AddRealisationsAsync(Main, [new("sha256:aa!out", "{1}"), new("sha256:bb!out", "{2}")], Token);
        Assert.Equivalent(new Dictionary<string, string> { ["sha256:aa!out"] = "{1}", ["sha256:bb!out"] = "{2}" }, now, strict: true);

        now = await Metadata.AddRealisationsAsync(Main, [new("sha256:aa!out", "{3}"), new("sha256:cc!out", "{4}"), new("sha256:cc!out", "{5}")], Token);
        Assert.Equivalent(new Dictionary<string, string> { ["sha256:aa!out"] = "{1}", ["sha256:cc!out"] = "{4}" }, now, strict: true);

        var found = await Metadata.FindRealisationsAsync(Main, ["sha256:cc!out", "sha256:dd!out"], Token);
        Assert.Equal([new KeyValuePair<string, string>("sha256:cc!out", "{4}")], found);
        Assert.Empty(await Metadata.FindRealisationsAsync((await CreateStoreAsync("other")).Id, ["sha256:aa!out"], Token));
    }

    [Fact]
    public async Task Realisations_EqualOnes_GiveTheirSignaturesToTheFirst()
    {
        const string Id = "sha256:aa!out";
        await AddAsync("""{"dependentRealisations":{"sha256:bb!out":"p"},"id":"sha256:aa!out","outPath":"x","signatures":["b:+/=="]}""");
        await AddAsync("""{ "signatures": ["a:1"], "outPath": "x", "id": "sha256:aa!out", "dependentRealisations": {"sha256:bb!out": "p"} }""");

        // Another path, other dependencies, something that is no signature: none of these is the same.
        await AddAsync("""{"dependentRealisations":{"sha256:bb!out":"p"},"id":"sha256:aa!out","outPath":"y","signatures":["c:1"]}""");
        await AddAsync("""{"dependentRealisations":{},"id":"sha256:aa!out","outPath":"x","signatures":["d:1"]}""");
        await AddAsync("""{"dependentRealisations":{"sha256:bb!out":"p"},"id":"sha256:aa!out","outPath":"x","signatures":[1]}""");
        await AddAsync("""{"dependentRealisations":{"sha256:bb!out":"p"},"id":"sha256:aa!out","outPath":"x","signatures":"e:1"}""");
        var both = """{"dependentRealisations":{"sha256:bb!out":"p"},"id":"sha256:aa!out","outPath":"x","signatures":["a:1","b:+/=="]}""";
        Assert.Equal(both, await AddAsync("""{"dependentRealisations":{"sha256:bb!out":"p"},"id":"sha256:aa!out","outPath":"x"}"""));
        Assert.Equal(both, (await Metadata.FindRealisationsAsync(Main, [Id], Token))[Id]);

        async Task<string> AddAsync(string json) => (await Metadata.AddRealisationsAsync(Main, [new(Id, json)], Token))[Id];
    }

    [Fact]
    public async Task Realisations_EqualOnesAtOnce_LoseNoSignature()
    {
        const string Id = "sha256:aa!out";
        var signatures = Enumerable.Range(10, 24).Select(i => $"key-{i}:1").ToArray();

        await Task.WhenAll(signatures.Select(text => Task.Run(() => Metadata.AddRealisationsAsync(
            Main, [new(Id, $$"""{"id":"sha256:aa!out","outPath":"x","signatures":["{{text}}"]}""")], Token))));

        var found = (await Metadata.FindRealisationsAsync(Main, [Id], Token))[Id];
        Assert.All(signatures, text => Assert.Contains(text, found, StringComparison.Ordinal));
    }

    [Fact]
    public async Task BuildLog_TheFirstStays()
    {
        var derivation = SamplePath.Name("x.drv");
        byte[] frame = new byte[3_000_000];
        new Random(1).NextBytes(frame);
        Assert.Null(await Metadata.FindBuildLogAsync(Main, derivation, Token));

        Assert.True(await Metadata.AddBuildLogAsync(Main, derivation, new BuildLog(7, frame), Token));
        Assert.False(await Metadata.AddBuildLogAsync(Main, derivation, new BuildLog(8, frame.AsMemory(1)), Token));

        var log = await Metadata.FindBuildLogAsync(Main, derivation, Token);
        Assert.Equal(7, log!.PlainLength);
        Assert.True(log.Zstd.Span.SequenceEqual(frame));
        Assert.Null(await Metadata.FindBuildLogAsync((await CreateStoreAsync("other")).Id, derivation, Token));
    }

    [Fact]
    public async Task BuildLog_OfAFailure_GivesWay()
    {
        var derivation = SamplePath.Name("x.drv");
        Assert.True(await Metadata.AddBuildLogAsync(Main, derivation, new BuildLog(1, Zstd.Compress("1"u8, 1)) { IsOfFailure = true }, Token));
        Assert.True(await Metadata.AddBuildLogAsync(Main, derivation, new BuildLog(2, Zstd.Compress("22"u8, 1)) { IsOfFailure = true }, Token));
        Assert.True((await Metadata.FindBuildLogAsync(Main, derivation, Token))!.IsOfFailure);
        Assert.True(await Metadata.AddBuildLogAsync(Main, derivation, new BuildLog(3, Zstd.Compress("333"u8, 1)), Token));
        Assert.False(await Metadata.AddBuildLogAsync(Main, derivation, new BuildLog(4, Zstd.Compress("4444"u8, 1)) { IsOfFailure = true }, Token));

        var log = await Metadata.FindBuildLogAsync(Main, derivation, Token);
        Assert.Equal(3, log!.PlainLength);
        Assert.False(log.IsOfFailure);
    }

    [Theory]
    [InlineData("UPDATE build_logs SET zstd = {other} WHERE base_name LIKE '%-one.drv'")]
    [InlineData("UPDATE build_logs SET plain_length = 11 WHERE base_name LIKE '%-one.drv'")]
    [InlineData("UPDATE build_logs SET base_name = replace(base_name, '-two.', '-three.') WHERE base_name LIKE '%-two.drv'")]
    public async Task BuildLog_Damaged_IsToldAndMissing_AndMayComeAgain(string damage)
    {
        var (one, two, three) = (SamplePath.Name("one.drv"), SamplePath.Name("two.drv"), SamplePath.Name("two.drv").BaseName.Replace("-two.", "-three.", StringComparison.Ordinal));
        var derivation = damage.Contains("three", StringComparison.Ordinal) ? StorePath.ParseBaseName(three) : one;
        var log = new BuildLog(10, Zstd.Compress("0123456789"u8, 1));
        Assert.True(await Metadata.AddBuildLogAsync(Main, one, log, Token));
        Assert.True(await Metadata.AddBuildLogAsync(Main, two, log, Token));
        await using (var dialect = OpenDialect())
        {
            await using var session = await dialect.OpenWriteAsync(durable: true, Token);
            await session.ExecuteAsync(
                new Storage.Metadata.Sql.SqlText(damage.Replace("{other}", "@other", StringComparison.Ordinal), ("@other", Zstd.Compress("0123456780"u8, 1))), Token);
            await session.CommitAsync(Token);
        }

        var notices = new List<string>();
        var metadata = await OpenAsync(new MetadataStoreOptions { Notice = notices.Add });
        Assert.Null(await metadata.FindBuildLogAsync(Main, derivation, Token));
        Assert.Null(await metadata.FindBuildLogAsync(Main, derivation, Token));
        Assert.Contains($"the build log of {derivation.BaseName} is damaged", Assert.Single(notices), StringComparison.Ordinal);
        Assert.Contains((await metadata.CheckMetadataAsync(0, repair: false, Token)).Faults, fault => fault.Contains(derivation.BaseName, StringComparison.Ordinal));

        Assert.True(await metadata.AddBuildLogAsync(Main, derivation, log, Token));
        Assert.False(await metadata.AddBuildLogAsync(Main, derivation, log, Token));
        Assert.Equal(log.Zstd.ToArray(), (await metadata.FindBuildLogAsync(Main, derivation, Token))!.Zstd.ToArray());
        Assert.Empty((await metadata.CheckMetadataAsync(0, repair: false, Token)).Faults);
    }

    [Fact]
    public async Task BuildLog_OfBeforeThereWereSums_IsServedWhereItDecompresses()
    {
        var derivation = SamplePath.Name("old.drv");
        var log = new BuildLog(10, Zstd.Compress("0123456789"u8, 1));
        await Metadata.AddBuildLogAsync(Main, derivation, log, Token);
        await using (var dialect = OpenDialect())
        {
            await using var session = await dialect.OpenWriteAsync(durable: true, Token);
            await session.ExecuteAsync("UPDATE build_logs SET sum = 0", Token);
            await session.CommitAsync(Token);
        }

        Assert.Equal(10, (await Metadata.FindBuildLogAsync(Main, derivation, Token))!.PlainLength);
    }

    private static Dictionary<string, StorePath> Outputs(params (string Name, StorePath Path)[] outputs) =>
        outputs.ToDictionary(output => output.Name, output => output.Path);
}
