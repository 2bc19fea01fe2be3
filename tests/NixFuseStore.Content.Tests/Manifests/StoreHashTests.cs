using System.Text;

namespace NixFuseStore.Content.Tests;

public sealed class StoreHashTests
{
    [Fact]
    public void EveryHash_PacksAndUnpacks()
    {
        var random = new Random(5);
        for (var round = 0; round < 1000; round++)
        {
            var packed = new byte[StoreHash.PackedBytes];
            random.NextBytes(packed);
            var text = new byte[StoreHash.TextBytes];
            StoreHash.Unpack(packed, text);
            var again = new byte[StoreHash.PackedBytes];
            Assert.True(StoreHash.TryPack(text, again), Encoding.ASCII.GetString(text));
            Assert.Equal(packed, again);
        }
    }

    [Fact]
    public void Packed_IsFiveBitsACharacter_FirstOnTop()
    {
        var packed = new byte[StoreHash.PackedBytes];
        Assert.True(StoreHash.TryPack("z1000000000000000000000000000001"u8, packed));
        Assert.Equal([0b11111_000, 0b01_000000, .. new byte[17], 1], packed);
    }

    [Fact]
    public void OnlyThe32Letters_Pack()
    {
        var packed = new byte[StoreHash.PackedBytes];
        for (var value = 0; value < 256; value++)
        {
            for (var place = 0; place < 32; place += 31)
            {
                var text = "00000000000000000000000000000000"u8.ToArray();
                text[place] = (byte)value;
                Assert.Equal("0123456789abcdfghijklmnpqrsvwxyz"u8.Contains((byte)value), StoreHash.TryPack(text, packed));
            }
        }
    }
}
