using System.Security.Cryptography;
using FsCheck;
using FsCheck.Fluent;

namespace NixFuseStore.Nix.Tests;

public sealed class NixBase32Tests
{
    [Theory]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73")]
    [InlineData("b1946ac92492d2347c6235b4d2611184", "4425hx5d1mc9y39llj4k4nm55i")]
    [InlineData("f572d396fae9206628714fb2ce00f72e94f2258f", "iwjz551fyw0cxcjgf4l6c879zabd6wpm")]
    public void Vectors_OfNix_Hold(string hex, string text)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.Equal(text, NixBase32.Encode(bytes));

        var decoded = new byte[bytes.Length];
        Assert.True(NixBase32.TryDecode(text, decoded));
        Assert.Equal(bytes, decoded);
    }

    [Fact]
    public void Decode_OfEncoded_IsTheSame() => Check.One(Config.QuickThrowOnFailure, Prop.ForAll<byte[]>(bytes =>
    {
        string text = NixBase32.Encode(bytes);
        var decoded = new byte[bytes.Length];
        return text.Length == NixBase32.EncodedLength(bytes.Length) && NixBase32.TryDecode(text, decoded) && decoded.SequenceEqual(bytes);
    }));

    [Theory]
    [InlineData("z425hx5d1mc9y39llj4k4nm55i")]
    [InlineData("8425hx5d1mc9y39llj4k4nm55i")]
    public void Decode_BitsBeyondTheLastByte_IsRefused(string text) => Assert.False(NixBase32.TryDecode(text, new byte[16]));

    [Fact]
    public void Decode_AnyCharacterOutsideTheAlphabet_IsRefused()
    {
        var bytes = new byte[20];
        for (char character = '\0'; character < 0x180; character++)
        {
            string text = character + new string('0', 31);
            Assert.Equal(NixBase32.Alphabet.Contains(character, StringComparison.Ordinal), NixBase32.TryDecode(text, bytes));
            Assert.Equal(NixBase32.Alphabet.Contains(character, StringComparison.Ordinal), NixBase32.IsDigit(character));
        }
    }

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(0)]
    public void Decode_OtherLength_IsRefused(int characters) => Assert.False(NixBase32.TryDecode(new string('0', characters), new byte[20]));

    [Fact]
    public void EncodedLength_OfDigests_IsAsNixHasIt()
    {
        Assert.Equal(32, NixBase32.EncodedLength(SHA1.HashSizeInBytes));
        Assert.Equal(52, NixBase32.EncodedLength(SHA256.HashSizeInBytes));
        Assert.Equal(103, NixBase32.EncodedLength(SHA512.HashSizeInBytes));
    }
}
