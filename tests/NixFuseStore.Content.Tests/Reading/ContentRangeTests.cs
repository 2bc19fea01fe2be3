namespace NixFuseStore.Content.Tests;

public sealed class ContentRangeTests
{
    private static readonly byte[] Small = new RandomTrees(3).Content(9_000);
    private static readonly byte[] Large = new RandomTrees(4).Content(500_000);

    private static readonly SampleTree Tree = new SampleTree.Folder(
        ("a", new SampleTree.File("first")), ("b", new SampleTree.File(Small)), ("c", new SampleTree.File(Large)), ("d", new SampleTree.File([])), ("e", new SampleTree.File("last")));

    [Fact]
    public void AnyRangeOfAnyFile_IsReadFromItsChunksAlone()
    {
        var store = new MemoryChunks();
        var manifest = Tree.Build(store);
        var tree = manifest.Header.OpenTree(manifest.Tree);
        var chunks = manifest.Header.OpenChunks(manifest.Chunks);
        var blanks = manifest.Header.OpenBlanks(manifest.Blanks);
        Assert.True(blanks.Count > 100);
        var files = new Dictionary<string, byte[]> { ["b"] = Small, ["c"] = Large };
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var round = 0; round < 2_000; round++)
        {
            var (name, content) = files.ElementAt(random.Next(2));
            Assert.True(tree.TryFind(0, System.Text.Encoding.ASCII.GetBytes(name), out var entry));
            var offset = random.Next(content.Length + 100);
            var length = random.Next(200) * random.Next(1000);
            var wanted = content.AsSpan(Math.Min(offset, content.Length));
            wanted = wanted[..Math.Min(length, wanted.Length)];

            var range = ContentRange.Locate(tree, chunks, entry, (ulong)offset, length);
            var bytes = new List<byte>();
            var ordinal = range.FirstChunk;
            foreach (var slice in range)
            {
                Assert.Equal(ordinal++, slice.Ordinal);
                bytes.AddRange(store.Chunks[chunks.Id(slice.Ordinal)].AsSpan(slice.Offset, slice.Length));
            }

            Assert.Equal(range.ChunkCount, ordinal - range.FirstChunk);
            Assert.Equal(wanted.Length, range.Length);
            var read = bytes.ToArray();
            Assert.Equal(range.HasBlanks(blanks), !wanted.SequenceEqual(read));
            blanks.Patch(range.StreamStart, read);
            Assert.True(wanted.SequenceEqual(read), $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void RangeBehindTheEnd_IsEmpty()
    {
        var manifest = Tree.Build();
        var tree = manifest.Header.OpenTree(manifest.Tree);
        var chunks = manifest.Header.OpenChunks(manifest.Chunks);
        foreach (var offset in new[] { 5UL, 6UL, ulong.MaxValue })
        {
            var range = ContentRange.Locate(tree, chunks, 1, offset, int.MaxValue);
            Assert.Equal((0, 0), (range.Length, range.ChunkCount));
            Assert.False(range.GetEnumerator().MoveNext());
        }

        Assert.Equal(0, ContentRange.Locate(tree, chunks, 4, 0, 10).Length); // the empty file
        Assert.Equal(5, ContentRange.Locate(tree, chunks, 1, 0, int.MaxValue).Length);
        Assert.Throws<ArgumentException>(() => ContentRange.Locate(tree, chunks, 0, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ContentRange.Locate(tree, chunks, 1, 0, -1));
    }
}
