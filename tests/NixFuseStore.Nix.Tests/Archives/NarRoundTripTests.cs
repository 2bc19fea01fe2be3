using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.Tests.Archives;

public sealed class NarRoundTripTests
{
    [Theory]
    [InlineData(nameof(NarVectors.Hello))]
    [InlineData(nameof(NarVectors.Tiny))]
    public void NixsNar_ParsedAndWritten_IsTheSame(string vector)
    {
        (byte[] nar, string hash) = vector == nameof(NarVectors.Hello)
            ? (NarVectors.Hello, NarVectors.HelloSha256)
            : (NarVectors.Tiny, NarVectors.TinySha256);
        var written = new MemoryStream();
        using var hasher = new NarHasher();
        var parser = new NarParser(new TeeNarVisitor(new NarWriter(written), hasher));

        Assert.Equal(nar.Length, parser.Write(nar));
        parser.Complete();
        Assert.Equal(nar, written.ToArray());
        Assert.Equal((ulong)nar.Length, parser.BytesConsumed);
        Assert.Equal((ulong)nar.Length, hasher.Size);
        Assert.Equal(hash, hasher.Finish().ToHex());
    }

    [Fact]
    public void Tiny_Parsed_IsTheTreeItWasMadeOf()
    {
        var root = Assert.IsType<TreeModel.DirectoryNode>(Parse(NarVectors.Tiny, 1000));
        Assert.Equal("file(-,)", root.Children["B"u8.ToArray()].Describe());
        Assert.Equal($"file(-,{Convert.ToHexString("abcdefgh"u8)})", root.Children["a"u8.ToArray()].Describe());
        Assert.Equal($"link({Convert.ToHexString("a"u8)})", root.Children["ln"u8.ToArray()].Describe());
        var bin = Assert.IsType<TreeModel.DirectoryNode>(root.Children["bin"u8.ToArray()]);
        Assert.Equal($"file(x,{Convert.ToHexString("#!/bin/sh\n"u8)})", bin.Children["run"u8.ToArray()].Describe());
        Assert.Equal(4, root.Children.Count);
    }

    [Fact]
    public void RandomTrees_WrittenAndParsedInPieces_AreTheSame()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        for (int i = 0; i < 300; i++)
        {
            var tree = TreeModel.Random(random);
            byte[] nar = Write(tree);
            string parsed = Parse(nar, random.Next(1, 100)).Describe();
            Assert.True(tree.Describe() == parsed, $"Seed {seed}, tree {i}: {tree.Describe()} became {parsed}.");
        }
    }

    [Fact]
    public void Write_SplitAnywhere_IsTheSame()
    {
        string whole = Parse(NarVectors.Tiny, NarVectors.Tiny.Length).Describe();
        for (int split = 1; split < NarVectors.Tiny.Length; split++)
        {
            var recorder = new TreeRecorder();
            var parser = new NarParser(recorder);
            parser.Write(NarVectors.Tiny.AsSpan(0, split));
            Assert.False(parser.IsComplete);
            parser.Write(NarVectors.Tiny.AsSpan(split));
            parser.Complete();
            Assert.Equal(whole, recorder.Root!.Describe());
        }
    }

    [Fact]
    public void Write_BytesBehindTheNar_AreNotConsumed()
    {
        var parser = new NarParser(new TreeRecorder());
        Assert.Equal(NarVectors.Hello.Length, parser.Write([.. NarVectors.Hello, 1, 2, 3]));
        Assert.True(parser.IsComplete);
        Assert.Equal(0, parser.Write([1, 2, 3]));
    }

    [Fact]
    public void Complete_TruncatedAnywhere_Throws()
    {
        foreach (byte[] nar in new[] { NarVectors.Hello, NarVectors.Tiny })
        {
            for (int length = 0; length < nar.Length; length++)
            {
                var parser = new NarParser(new TreeRecorder());
                Assert.Equal(length, parser.Write(nar.AsSpan(0, length)));
                Assert.Throws<NarFormatException>(parser.Complete);
            }
        }
    }

    [Fact]
    public void Writer_FileOfOtherSizeThanStated_Throws()
    {
        var tooLong = new NarWriter(Stream.Null);
        tooLong.BeginFile(default, false, 2);
        Assert.Throws<InvalidOperationException>(() => tooLong.FileData("abc"u8));

        var tooShort = new NarWriter(Stream.Null);
        tooShort.BeginFile(default, false, 2);
        Assert.Throws<InvalidOperationException>(tooShort.EndFile);
    }

    internal static byte[] Write(TreeModel tree)
    {
        var bytes = new MemoryStream();
        tree.Send(new NarWriter(bytes), []);
        return bytes.ToArray();
    }

    private static TreeModel Parse(byte[] nar, int pieceBytes)
    {
        var recorder = new TreeRecorder();
        var parser = new NarParser(recorder);
        for (int offset = 0; offset < nar.Length; offset += pieceBytes)
        {
            int length = Math.Min(pieceBytes, nar.Length - offset);
            Assert.Equal(length, parser.Write(nar.AsSpan(offset, length)));
        }

        parser.Complete();
        return recorder.Root!;
    }
}
