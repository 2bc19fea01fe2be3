using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content.Tests;

public sealed class NarPiecesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void RandomTree_PiecesWithContent_AreTheNar(int seed)
    {
        var tree = new RandomTrees(seed).Tree();
        var manifest = tree.Build();
        var content = new ContentCollector();
        tree.Send(content);
        var stream = content.Bytes.ToArray();

        var nar = new MemoryStream();
        foreach (var piece in NarPieces.Enumerate(manifest.Header, manifest.Header.OpenTree(manifest.Tree)))
        {
            Assert.Equal(nar.Length, piece.NarOffset);
            Assert.Equal(piece.Entry < 0, piece.Framing.Length > 0);
            nar.Write(piece.Framing.Span);
            nar.Write(stream.AsSpan((int)piece.StreamStart, (int)piece.ContentLength));
        }

        Assert.Equal(tree.ToNar(), nar.ToArray());
    }

    [Fact]
    public void ManyLinks_FramingComesInPieces()
    {
        var tree = new SampleTree.Folder([.. Enumerable.Range(10_000, 2_000).Select(i => ($"l{i}", (SampleTree)new SampleTree.Link($"to{i}")))]);
        var manifest = tree.Build();
        var pieces = NarPieces.Enumerate(manifest.Header, manifest.Header.OpenTree(manifest.Tree)).Select(piece => piece.Framing.ToArray()).ToArray();
        Assert.True(pieces.Length > 3);
        Assert.Equal(tree.ToNar(), pieces.SelectMany(piece => piece).ToArray());
    }

    private sealed class ContentCollector : INarVisitor
    {
        public MemoryStream Bytes { get; } = new();

        public void FileData(ReadOnlySpan<byte> data) => Bytes.Write(data);

        public void EnterDirectory(ReadOnlySpan<byte> name)
        {
        }

        public void LeaveDirectory()
        {
        }

        public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
        {
        }

        public void EndFile()
        {
        }

        public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
        {
        }
    }
}
