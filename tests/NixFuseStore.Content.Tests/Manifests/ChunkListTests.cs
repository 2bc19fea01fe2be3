namespace NixFuseStore.Content.Tests;

public sealed class ChunkListTests
{
    private static readonly byte[] First = ChunkId.Compute("1"u8).ToArray();
    private static readonly byte[] Second = ChunkId.Compute("2"u8).ToArray();
    private static readonly byte[] Example = Sections.Bytes(2, 1000, 24, First, Second);

    [Fact]
    public void Example_IsReadAsDrawn()
    {
        var chunks = ChunkList.Parse(Example);
        Assert.Equal(2, chunks.Count);
        Assert.Equal(1024, chunks.StreamLength);
        Assert.Equal([1000, 24], new[] { chunks.Length(0), chunks.Length(1) });
        Assert.Equal([0, 1000, 1024], new[] { chunks.Offset(0), chunks.Offset(1), chunks.Offset(2) });
        Assert.Equal(ChunkId.Read(Second), chunks.Id(1));
        Assert.Equal(Example, ChunkList.Write([(chunks.Id(0), 1000), (chunks.Id(1), 24)]));
    }

    [Fact]
    public void Find_GivesTheChunkThatHoldsThePosition()
    {
        var chunks = ChunkList.Parse(Example);
        Assert.Equal([0, 0, 1, 1], new long[] { 0, 999, 1000, 1023 }.Select(chunks.Find));
        Assert.Throws<ArgumentOutOfRangeException>(() => chunks.Find(1024));
        Assert.Throws<ArgumentOutOfRangeException>(() => chunks.Find(-1));
    }

    [Fact]
    public void EmptySection_HasNoChunks()
    {
        var chunks = ChunkList.Parse(default);
        Assert.Equal((0, 0L), (chunks.Count, chunks.StreamLength));
        Assert.Empty(ChunkList.Write([]));
    }

    [Fact]
    public void TruncatedOrMutated_IsRefusedOrHarmless() => Sections.Torture(Example, bytes =>
    {
        var chunks = ChunkList.Parse(bytes);
        for (var ordinal = 0; ordinal < chunks.Count; ordinal++)
        {
            _ = chunks.Id(ordinal);
            Assert.Equal(ordinal, chunks.Find(chunks.Offset(ordinal)));
        }
    });

    public static TheoryData<string, byte[]> Hostile => new()
    {
        { "no chunks", Sections.Bytes(0) },
        { "huge count", Sections.Bytes(long.MaxValue, 1, First) },
        { "count beyond the data", Sections.Bytes(3, 1, 1, 1, First, Second) },
        { "empty chunk", Sections.Bytes(1, 0, First) },
        { "chunk longer than any", Sections.Bytes(1, ChunkingParameters.ChunkBytesMax + 1, First) },
        { "half an id more", Sections.Bytes(1, 1, First, new byte[16]) },
        { "one id more", Sections.Bytes(1, 1, First, Second) },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void HostileSection_IsRefused(string what, byte[] section)
    {
        var exception = Record.Exception(() => ChunkList.Parse(section));
        Assert.True(exception is ManifestFormatException, $"{what}: {exception}");
    }
}
