using System.Security.Cryptography;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [Fact]
    public async Task NarFile_IsSeenByOtherServersOfTheStoreOnly()
    {
        var other = await CreateStoreAsync("other");
        var file = NewNarFile("a");
        await Metadata.AddNarFileAsync(Main, file, Hour, Token);

        var second = await OpenAsync();
        var found = await second.FindNarFileAsync(Main, file.Name, Token);

        Assert.NotNull(found);
        Assert.Equal((file.Compression, file.NarSize, file.FileSize, null), (found.Compression, found.NarSize, found.FileSize, found.Path));
        Assert.Equal(file.NarHash, found.NarHash);
        Assert.Equal(file.Draft, found.Draft);
        Assert.Null(await Metadata.FindNarFileAsync(other.Id, file.Name, Token));
        Assert.Null(await Metadata.FindNarFileAsync(Main, "b.nar", Token));
    }

    [Fact]
    public async Task NarFile_WithoutAPath_GoesAfterItsTime()
    {
        var old = NewNarFile("old");
        await Metadata.AddNarFileAsync(Main, old, TimeSpan.FromSeconds(-1), Token);
        Assert.Null(await Metadata.FindNarFileAsync(Main, old.Name, Token));

        await Metadata.AddNarFileAsync(Main, old, Hour, Token);
        Assert.NotNull(await Metadata.FindNarFileAsync(Main, old.Name, Token));

        await Metadata.RemoveNarFileAsync(Main, old.Name, Token);
        Assert.Null(await Metadata.FindNarFileAsync(Main, old.Name, Token));
    }

    [Fact]
    public async Task NarFile_TiedToAPath_LivesAsLongAsThePath()
    {
        var sample = SamplePath.Create("tied");
        await AddAsync(sample);
        var file = NewNarFile("tied");
        await Metadata.AddNarFileAsync(Main, file, Hour, Token);

        Assert.False(await Metadata.TieNarFileAsync(Main, file.Name, SamplePath.Name("nothing"), Token));
        Assert.False(await Metadata.TieNarFileAsync(Main, "nothing", sample.Path, Token));
        Assert.True(await Metadata.TieNarFileAsync(Main, file.Name, sample.Path, Token));

        // A second upload of the same file changes nothing any more, nor does time.
        await Metadata.AddNarFileAsync(Main, file, TimeSpan.FromSeconds(-1), Token);
        await Metadata.AddNarFileAsync(Main, NewNarFile("another"), Hour, Token);
        var found = await Metadata.FindNarFileAsync(Main, file.Name, Token);
        Assert.Equal(sample.Path, found!.Path);
        Assert.Null(found.Draft);

        await Metadata.RevokePathsAsync(Main, [sample.Path], Token);
        Assert.Null(await Metadata.FindNarFileAsync(Main, file.Name, Token));
    }

    [Fact]
    public async Task CompressedNar_IsKnownByManifestAndEncoder()
    {
        var sample = SamplePath.Create("compressed");
        var digest = sample.Manifest.Digest;
        await Metadata.AddCompressedNarAsync(digest, "zstd 1", new CompressedNar(new byte[32], 1), Token);
        Assert.Null(await Metadata.FindCompressedNarAsync(digest, "zstd 1", Token));

        await AddAsync(sample);
        await Metadata.AddCompressedNarAsync(digest, "zstd 1", new CompressedNar(SHA256.HashData("file"u8), 5_000_000_000), Token);
        await Metadata.AddCompressedNarAsync(digest, "zstd 1", new CompressedNar(new byte[32], 1), Token);

        var found = await (await OpenAsync()).FindCompressedNarAsync(digest, "zstd 1", Token);
        Assert.Equal(5_000_000_000, found!.Size);
        Assert.Equal(SHA256.HashData("file"u8), found.Hash);
        Assert.Null(await Metadata.FindCompressedNarAsync(digest, "zstd 2", Token));
    }

    [Fact]
    public async Task Upstreams_AreAddedAndRemoved_InOrder()
    {
        var other = await CreateStoreAsync("other");
        Assert.Empty((await Metadata.GetUpstreamsAsync(Main, Token)).Urls);

        await Metadata.ChangeUpstreamsAsync(Main, new(["http://b", "http://a"], ["k1:x"]), UpstreamSettings.None, Token);
        await Metadata.ChangeUpstreamsAsync(Main, new(["http://c", "http://b"], ["k2:y"]), new(["http://a", "http://z"], ["k1:x"]), Token);

        var settings = await (await OpenAsync()).GetUpstreamsAsync(Main, Token);
        Assert.Equal(["http://b", "http://c"], settings.Urls);
        Assert.Equal(["k2:y"], settings.TrustedPublicKeys);
        Assert.Empty((await Metadata.GetUpstreamsAsync(other.Id, Token)).TrustedPublicKeys);
    }

    [Fact]
    public async Task Texts_AreKeptByStoreAndName_AndReplaced()
    {
        var other = await CreateStoreAsync("other");
        Assert.Null(await Metadata.FindTextAsync(Main, "name", Token));
        await Metadata.SetTextAsync(Main, "name", "one", Token);
        await Metadata.SetTextAsync(Main, "name", "two", Token);
        await Metadata.SetTextAsync(other.Id, "name", "others", Token);
        Assert.Equal("two", await (await OpenAsync()).FindTextAsync(Main, "name", Token));
        await Metadata.SetTextAsync(Main, "name", null, Token);
        Assert.Null(await Metadata.FindTextAsync(Main, "name", Token));
        Assert.Equal("others", await Metadata.FindTextAsync(other.Id, "name", Token));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Metadata.SetTextAsync(Main, "long", new string('x', IStoreTextCatalog.LengthMax + 1), Token));
    }

    private static NarFile NewNarFile(string name) => new()
    {
        Name = name + ".nar.xz",
        Compression = NarCompression.Xz,
        NarHash = SHA256.HashData("nar"u8),
        NarSize = 3_000_000_000,
        FileSize = 1_000_000,
        Draft = RandomNumberGenerator.GetBytes(1000),
    };
}
