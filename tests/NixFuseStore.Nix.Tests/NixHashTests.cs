using System.Text;

namespace NixFuseStore.Nix.Tests;

public sealed class NixHashTests
{
    private const string Hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    private const string Base32 = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
    private const string Base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    [Theory]
    [InlineData("sha256:" + Hex)]
    [InlineData("sha256:" + Base32)]
    [InlineData("sha256:" + Base64)]
    [InlineData("sha256-" + Base64)]
    [InlineData(Hex)]
    [InlineData(Base32)]
    [InlineData(Base64)]
    public void Parse_EveryForm_IsTheSameHash(string text)
    {
        var hash = NixHash.Parse(text, NixHashAlgorithm.Sha256);
        Assert.Equal(NixHash.Sha256([]), hash);
        Assert.Equal(Hex, hash.ToHex());
        Assert.Equal(Base32, hash.ToBase32());
        Assert.Equal($"sha256:{Base32}", hash.ToString());
        Assert.Equal($"sha256-{Base64}", hash.ToSri());
    }

    [Theory]
    [InlineData("")]
    [InlineData(Hex)]
    [InlineData("sha256")]
    [InlineData("sha256:")]
    [InlineData("sha3:" + Hex)]
    [InlineData("sha1:" + Hex)]
    [InlineData("sha256-" + Hex)]
    [InlineData("sha256:" + Hex + "0")]
    [InlineData("sha256:x" + Hex)]
    [InlineData("sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c7e")]
    [InlineData("sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF ==")]
    public void Parse_OtherText_IsRefused(string text)
    {
        Assert.False(NixHash.TryParse(text, assumed: null, out var hash));
        Assert.Null(hash);
        Assert.Throws<FormatException>(() => NixHash.Parse(text));
    }

    [Fact]
    public void Parse_OtherAlgorithmThanAssumed_IsRefused() => Assert.False(NixHash.TryParse($"sha256:{Hex}", NixHashAlgorithm.Sha512, out _));

    [Theory]
    [InlineData("text:sha256:" + Base32, ContentAddressMethod.Text)]
    [InlineData("fixed:sha256:" + Base32, ContentAddressMethod.Flat)]
    [InlineData("fixed:r:sha256:" + Base32, ContentAddressMethod.Nar)]
    [InlineData("fixed:r:md5:4425hx5d1mc9y39llj4k4nm55i", ContentAddressMethod.Nar)]
    [InlineData("fixed:git:sha1:iwjz551fyw0cxcjgf4l6c879zabd6wpm", ContentAddressMethod.Git)]
    public void ContentAddress_EveryForm_ParsesAndPrints(string text, ContentAddressMethod method)
    {
        var address = ContentAddress.Parse(text);
        Assert.Equal(method, address.Method);
        Assert.Equal(text, address.ToString());
    }

    [Fact]
    public void ContentAddress_HexDigits_AreTheSame() =>
        Assert.Equal(ContentAddress.Parse($"fixed:r:sha256:{Base32}"), ContentAddress.Parse($"fixed:r:sha256:{Hex}"));

    [Theory]
    [InlineData("")]
    [InlineData("fixed:")]
    [InlineData("fixed:r:")]
    [InlineData("sha256:" + Hex)]
    [InlineData("fixed:x:sha256:" + Hex)]
    [InlineData("fixed:sha256-" + Base64)]
    [InlineData("text:md5:4425hx5d1mc9y39llj4k4nm55i")]
    public void ContentAddress_OtherText_IsRefused(string text) => Assert.Throws<FormatException>(() => ContentAddress.Parse(text));

    [Fact]
    public void Hash_OfWrongLength_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new NixHash(NixHashAlgorithm.Sha1, Encoding.ASCII.GetBytes("not twenty")));
}
