using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage.Tests.Metadata;

public sealed class LocationCodecTests
{
    [Fact]
    public void Encode_NeighboursShareOneRun()
    {
        ChunkLocation[] chunks =
        [
            new(new PackId(3), 16, 100, 300, ChunkEncoding.Zstd),
            new(new PackId(3), 116, 50, 50, ChunkEncoding.Plain),
            new(new PackId(2), 166, 1, 1, ChunkEncoding.Plain),
        ];

        byte[] bytes = LocationCodec.Encode(chunks);

        // pack 3, offset 16, 2 chunks: 100 * 2 + 1, 300; 50 * 2, 50. Pack 2, offset 166, 1 chunk: 1 * 2, 1.
        Assert.Equal([3, 16, 2, 0xc9, 1, 0xac, 2, 100, 50, 2, 0xa6, 1, 1, 2, 1], bytes);
        Assert.Equal(chunks, LocationCodec.Decode(bytes));
    }

    [Fact]
    public void Decode_RandomChunks_RoundTrip()
    {
        int seed = Random.Shared.Next();
        TestContext.Current.SendDiagnosticMessage($"seed {seed}");
        var random = new Random(seed);
        for (int round = 0; round < 200; round++)
        {
            var chunks = Enumerable.Range(0, random.Next(30)).Select(_ => new ChunkLocation(
                new PackId(random.Next(1, 4)), random.Next(1 << 26), random.Next(1 << 20), random.Next(1 << 24), (ChunkEncoding)random.Next(2)))
                .ToArray();

            Assert.Equal(chunks, LocationCodec.Decode(LocationCodec.Encode(chunks)));
        }
    }

    [Fact]
    public void Decode_TruncatedInsideARun_Throws()
    {
        byte[] bytes = LocationCodec.Encode([new(new PackId(1), 16, 1000, 3000, ChunkEncoding.Zstd)]);

        for (int length = 1; length < bytes.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => LocationCodec.Decode(bytes.AsSpan(0, length)));
        }
    }
}
