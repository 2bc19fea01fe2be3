namespace NixFuseStore.Content.Tests;

public sealed class ChunkIdTests
{
    // SHA-256 of "abc", FIPS 180-4.
    private const string Abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    [Fact]
    public void Compute_IsSha256()
    {
        var id = ChunkId.Compute("abc"u8);
        Assert.Equal(Abc, id.ToString());
        Assert.Equal(Convert.FromHexString(Abc), id.ToArray());
        Assert.Equal(id, ChunkId.Read(id.ToArray()));
        Assert.True(ChunkId.TryParse(Abc, out var parsed));
        Assert.Equal(id, parsed);
        Assert.Equal(id.GetHashCode(), parsed.GetHashCode());
    }

    [Theory]
    [InlineData("")]
    [InlineData("ba78")]
    [InlineData("xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad00")]
    public void TryParse_AnythingElse_IsRefused(string text) => Assert.False(ChunkId.TryParse(text, out _));

    [Fact]
    public void Read_FewerThan32Bytes_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => ChunkId.Read(new byte[31]));

    [Fact]
    public void EveryByte_CountsInEqualityAndOrder()
    {
        var zero = ChunkId.Read(new byte[32]);
        for (var place = 0; place < 32; place++)
        {
            var bytes = new byte[32];
            bytes[place] = 0x80;
            var other = ChunkId.Read(bytes);
            Assert.NotEqual(zero, other);
            Assert.True(zero < other);
            for (var later = place + 1; later < 32; later++)
            {
                var small = new byte[32];
                small[later] = 0xFF;
                Assert.True(ChunkId.Read(small) < other, $"{later} before {place}");
            }
        }
    }
}
