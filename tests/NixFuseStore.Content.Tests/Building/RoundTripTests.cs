using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content.Tests;

public sealed class RoundTripTests
{
    private const string Hash = "00bgd045z0d4icpbc2yyz4gx48ak44la";
    private static readonly string Blank = new('e', 32);

    public static TheoryData<int> Seeds
    {
        get
        {
            var data = new TheoryData<int>();
            for (var index = 0; index < 10; index++)
            {
                data.Add(Random.Shared.Next());
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void RandomTree_BuildAndAssemble_GivesTheSameNar(int seed)
    {
        foreach (var directory in new[] { "/nix/store", "/a/a", "/home/someone/a rather long directory/nix/store" })
        {
            var tree = new RandomTrees(seed, directory).Tree();
            var store = new StoreDirectory(directory);
            var chunks = new MemoryChunks();
            var manifest = tree.Build(chunks, directory: store);
            var nar = tree.ToNar();

            Assert.Equal(nar, Assemble(manifest, chunks));
            var hash = new NixHash(NixHashAlgorithm.Sha256, SHA256.HashData(nar));
            Assert.True(ManifestVerifier.TryVerify(manifest, chunks, store, hash, (ulong)nar.Length, out var fault, TestContext.Current.CancellationToken), fault);
            _ = Manifest.Create(ManifestHeader.Parse(manifest.Header.ToBytes()), manifest.Tree, manifest.Chunks, manifest.Blanks);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void RandomTree_AnySplitOfTheData_GivesTheSameManifest(int seed)
    {
        var tree = new RandomTrees(seed).Tree();
        var whole = tree.Build();
        foreach (var pieceBytes in new[] { 1, 7, 43, 44, 4096, 65_537 })
        {
            Assert.Equal(whole.Digest, tree.Build(new MemoryChunks(), pieceBytes).Digest);
        }
    }

    [Fact]
    public void HashAcrossEveryBorder_IsBlanked()
    {
        var text = Encoding.ASCII.GetBytes($"some/nix/store/{Hash}-name and /nix/store/{Hash}-");
        for (var first = 0; first <= text.Length; first++)
        {
            for (var second = first; second <= text.Length; second++)
            {
                var chunks = new MemoryChunks();
                var builder = new ContentBuilder(StoreDirectory.Default, chunks);
                builder.BeginFile(default, false, (ulong)text.Length);
                builder.FileData(text.AsSpan(0, first));
                builder.FileData(text.AsSpan(first, second - first));
                builder.FileData(text.AsSpan(second));
                builder.EndFile();
                _ = builder.Finish();
                Assert.Equal($"some/nix/store/{Blank}-name and /nix/store/{Blank}-", Text(chunks));
            }
        }
    }

    [Fact]
    public void HashAcrossTheEndOfTheInternalBuffer_IsBlanked()
    {
        // The buffer holds a few chunks; slide a path over each of its possible ends.
        var buffer = (4 * ChunkingParameters.Current.BytesMax) + 44;
        var path = Encoding.ASCII.GetBytes($"/nix/store/{Hash}-x");
        for (var start = buffer - 50; start <= buffer + 5; start++)
        {
            var content = new byte[buffer + 100];
            path.CopyTo(content, start);
            var manifest = new SampleTree.File(content).Build();
            var blanks = manifest.Header.OpenBlanks(manifest.Blanks);
            Assert.Equal(1, blanks.Count);
            Assert.Equal(start + 11, blanks.Position(0));
        }
    }

    [Theory]
    [InlineData("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44l-31 characters")]
    [InlineData("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44laa-33 characters")]
    [InlineData("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44le-invalid letter")]
    [InlineData("/nix/store/00BGD045Z0D4ICPBC2YYZ4GX48AK44LA-upper case")]
    [InlineData("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la")]
    [InlineData("/nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la/no dash")]
    [InlineData("/nix/stor/00bgd045z0d4icpbc2yyz4gx48ak44la-wrong directory")]
    [InlineData("/nix/store00bgd045z0d4icpbc2yyz4gx48ak44la-no slash")]
    [InlineData("00bgd045z0d4icpbc2yyz4gx48ak44la-no directory")]
    [InlineData("/nix/store/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee-blank of its own")]
    public void NearHash_IsLeftAlone(string text)
    {
        var chunks = new MemoryChunks();
        var manifest = new SampleTree.File(text).Build(chunks);
        Assert.Equal(text, Text(chunks));
        Assert.Empty(manifest.Blanks);
        Assert.Equal(0, manifest.Header.HashCount);
        Assert.Equal(new SampleTree.File(text).ToNar(), Assemble(manifest, chunks));
    }

    [Fact]
    public void ContentThatHoldsBlanksAndHashes_IsRestoredExactly()
    {
        var text = $"/nix/store/{Blank}-a /nix/store/{Hash}-b /nix/store/{Blank}-c{new string('e', 100)}/nix/store/{Hash}-d";
        var tree = new SampleTree.File(text);
        var chunks = new MemoryChunks();
        var manifest = tree.Build(chunks);
        Assert.Equal(1, manifest.Header.HashCount);
        Assert.Equal(2, manifest.Header.OpenBlanks(manifest.Blanks).Count);
        Assert.Equal(tree.ToNar(), Assemble(manifest, chunks));
    }

    [Fact]
    public void HashThatGoesOnInTheNextFile_IsNoHash()
    {
        var text = $"/nix/store/{Hash}-x";
        for (var split = 1; split < text.Length - 1; split++)
        {
            var tree = new SampleTree.Folder(("a", new SampleTree.File(text[..split])), ("b", new SampleTree.File(text[split..])));
            Assert.Equal(0, tree.Build().Header.HashCount);
        }
    }

    [Fact]
    public void OtherStoreDirectory_OnlyItsOwnPathsAreBlanked()
    {
        var chunks = new MemoryChunks();
        var tree = new SampleTree.File($"/nix/store/{Hash}-a /opt/store/{Hash}-b");
        var manifest = tree.Build(chunks, directory: new StoreDirectory("/opt/store"));
        Assert.Equal($"/nix/store/{Hash}-a /opt/store/{Blank}-b", Text(chunks));
        Assert.Equal(tree.ToNar(), Assemble(manifest, chunks));
    }

    [Fact]
    public void Rebuild_ChangesNothingButHeaderHashes()
    {
        const string other = "zzzgd045z0d4icpbc2yyz4gx48ak44la";
        SampleTree Make(string hash) => new SampleTree.Folder(
            ("bin", new SampleTree.Folder(("tool", new SampleTree.File($"#!/nix/store/{hash}-bash/bin/sh\n")))),
            ("link", new SampleTree.Link($"/nix/store/{hash}-bash/bin")));
        var (before, after) = (Make(Hash).Build(), Make(other).Build());
        Assert.Equal(before.Tree, after.Tree);
        Assert.Equal(before.Chunks, after.Chunks);
        Assert.Equal(before.Blanks, after.Blanks);
        Assert.NotEqual(before.Digest, after.Digest);
    }

    [Fact]
    public void MoreHashesThanAHeaderHolds_TheRestStaysInTheContent()
    {
        var random = new RandomTrees(7);
        var text = new StringBuilder();
        for (var index = 0; index < ManifestHeader.HashesMax + 50; index++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"/nix/store/{index:D32}-x\n");
        }

        text.Append(System.Globalization.CultureInfo.InvariantCulture, $"/nix/store/{0:D32}-again");
        var tree = new SampleTree.Folder(("file", new SampleTree.File(text.ToString())), ("link", new SampleTree.Link($"/nix/store/{random.Hash()}-x")));
        var chunks = new MemoryChunks();
        var manifest = tree.Build(chunks);
        Assert.Equal(ManifestHeader.HashesMax, manifest.Header.HashCount);
        Assert.Equal(ManifestHeader.HashesMax + 1, manifest.Header.OpenBlanks(manifest.Blanks).Count);
        Assert.Equal(tree.ToNar(), Assemble(manifest, chunks));
        Assert.Equal(manifest.Digest, Manifest.Create(manifest.Header, manifest.Tree, manifest.Chunks, manifest.Blanks).Digest);
    }

    [Fact]
    public void LargeFile_IsCutFromItsNeighbours()
    {
        var large = new byte[ChunkingParameters.Current.LargeFileBytes];
        new Random(1).NextBytes(large);
        var alone = new MemoryChunks();
        _ = new SampleTree.File(large).Build(alone);
        var among = new MemoryChunks();
        var tree = new SampleTree.Folder(
            ("a", new SampleTree.File("before")), ("b", new SampleTree.File(large)), ("c", new SampleTree.File("behind")));
        var manifest = tree.Build(among);
        Assert.Subset(among.Chunks.Keys.ToHashSet(), alone.Chunks.Keys.ToHashSet());
        Assert.Equal(alone.Chunks.Count + 2, manifest.Header.ChunkCount);
    }

    [Fact]
    public void Events_OutOfOrder_AreRefused()
    {
        ContentBuilder New() => new(StoreDirectory.Default, new MemoryChunks());
        Assert.Throws<InvalidOperationException>(() => New().Finish());
        Assert.Throws<InvalidOperationException>(() => New().LeaveDirectory());
        Assert.Throws<InvalidOperationException>(() => New().FileData("x"u8));
        Assert.Throws<ManifestFormatException>(() => New().EnterDirectory("root"u8));
        var builder = New();
        builder.EnterDirectory(default);
        builder.Symlink("b"u8, "x"u8);
        Assert.Throws<ManifestFormatException>(() => builder.Symlink("b"u8, "x"u8));
        Assert.Throws<ManifestFormatException>(() => builder.Symlink("a"u8, "x"u8));
        Assert.Throws<ManifestFormatException>(() => builder.Symlink("c/d"u8, "x"u8));
        Assert.Throws<ManifestFormatException>(() => builder.Symlink("c"u8, ""u8));
        builder.BeginFile("c"u8, false, 2);
        Assert.Throws<InvalidOperationException>(() => builder.FileData("123"u8));
        Assert.Throws<InvalidOperationException>(builder.EndFile);
    }

    [Fact]
    public void DirectoriesDeeperThanANarMayBe_AreRefused()
    {
        var builder = new ContentBuilder(StoreDirectory.Default, new MemoryChunks());
        builder.EnterDirectory(default);
        for (var depth = 1; depth < NarLimits.DepthMax; depth++)
        {
            builder.EnterDirectory("d"u8);
        }

        Assert.Throws<ManifestFormatException>(() => builder.EnterDirectory("d"u8));
    }

    internal static byte[] Assemble(Manifest manifest, IChunkSource chunks)
    {
        using var stream = new MemoryStream();
        ContentAssembler.Write(manifest, chunks, new NarWriter(stream), TestContext.Current.CancellationToken);
        return stream.ToArray();
    }

    private static string Text(MemoryChunks chunks) => Encoding.ASCII.GetString(Assert.Single(chunks.Chunks).Value);
}
