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
            new(new PackId(3), 16, 100, 300, ChunkEncoding.Zstd, new StoredSum(0x0807060504030201)),
            new(new PackId(3), 116, 50, 50, ChunkEncoding.Plain, new StoredSum(9)),
            new(new PackId(2), 166, 1, 1, ChunkEncoding.Plain),
        ];

        byte[] bytes = LocationCodec.Encode(chunks);

        // Marker, version, sum of the row. Pack 3, offset 16, 2 chunks: 100 * 2 + 1, 300, sum; 50 * 2, 50, sum. Pack 2, offset 166, 1 chunk.
        Assert.Equal([0, 2], bytes[..2]);
        byte[] sum9 = [9, 0, 0, 0, 0, 0, 0, 0], none = new byte[8];
        byte[] runs = [3, 16, 2, 0xc9, 1, 0xac, 2, 1, 2, 3, 4, 5, 6, 7, 8, 100, 50, .. sum9, 2, 0xa6, 1, 1, 2, 1, .. none];
        Assert.Equal(runs, bytes[10..]);
        Assert.Equal(chunks, LocationCodec.Decode(bytes));
    }

    [Fact]
    public void Decode_OfVersion1_HasNoSums()
    {
        Assert.Equal(
            [new(new PackId(3), 16, 100, 300, ChunkEncoding.Zstd), new(new PackId(3), 116, 50, 50, ChunkEncoding.Plain)],
            LocationCodec.Decode([3, 16, 2, 0xc9, 1, 0xac, 2, 100, 50]));
    }

    [Fact]
    public void Decode_AnyBitFlipped_Throws()
    {
        byte[] bytes = LocationCodec.Encode(
            [new(new PackId(1), 16, 1000, 3000, ChunkEncoding.Zstd, new StoredSum(7)), new(new PackId(2), 16, 10, 30, ChunkEncoding.Zstd, new StoredSum(8))]);
        for (int bit = 8; bit < bytes.Length * 8; bit++)
        {
            byte[] changed = [.. bytes];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<InvalidDataException>(() => LocationCodec.Decode(changed));
        }
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
                new PackId(random.Next(1, 4)), random.Next(1 << 26), random.Next(1 << 20), random.Next(1 << 24), (ChunkEncoding)random.Next(2), new StoredSum((ulong)random.NextInt64())))
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
