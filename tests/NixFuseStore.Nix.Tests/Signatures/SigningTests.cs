using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Nix.Tests.BinaryCaches;

namespace NixFuseStore.Nix.Tests.Signatures;

public sealed class SigningTests
{
    private const string Secret = "test-key-1:EZkVpN96semNNNgYoh8/9bHoESQ01MXuQpKN7yZOaM53UTBYuhGZQ3k8ueiJASwXIxCRdnNCTE5077snUlnj/A==";
    private const string Public = "test-key-1:d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ4/w=";

    [Fact]
    public void SecretKey_OfNix_HasItsPublicKeyAndText()
    {
        var key = NixSecretKey.Parse(Secret + "\n");
        Assert.Equal(Public, key.PublicKey.ToString());
        Assert.Equal(Secret, key.ToSecretText());
        Assert.Equal("test-key-1", key.ToString());
    }

    [Fact]
    public void WithSignature_SameRecord_IsNixsSignature()
    {
        var narInfo = NarInfo.Parse(NarInfoTests.Signed, StoreDirectory.Default);
        var unsigned = narInfo.Info with { Signatures = [] };
        var signed = unsigned.WithSignature(StoreDirectory.Default, NixSecretKey.Parse(Secret));
        Assert.Equal(narInfo.Info.Signatures, signed.Signatures);
    }

    [Fact]
    public void IsSignedByAny_TrustsTheRightKeyOnly()
    {
        var info = NarInfo.Parse(NarInfoTests.Signed, StoreDirectory.Default).Info;
        var key = NixPublicKey.Parse(Public);
        Assert.True(info.IsSignedByAny(StoreDirectory.Default, [NixSecretKey.Generate("other").PublicKey, key]));
        Assert.False(info.IsSignedByAny(StoreDirectory.Default, [NixSecretKey.Generate("test-key-1").PublicKey]));
        Assert.False(info.IsSignedByAny(StoreDirectory.Default, []));
        Assert.False((info with { NarSize = info.NarSize + 1 }).IsSignedByAny(StoreDirectory.Default, [key]));
        Assert.False((info with { References = [] }).IsSignedByAny(StoreDirectory.Default, [key]));
        Assert.False(info.IsSignedByAny(new StoreDirectory("/gnu/store"), [key]));
    }

    [Fact]
    public void Generate_Sign_Verifies()
    {
        var key = NixSecretKey.Generate("a.example-1");
        var signature = NixSignature.Parse(NixSecretKey.Parse(key.ToSecretText()).Sign("text"u8).ToString());
        Assert.True(key.PublicKey.Verify("text"u8, signature));
        Assert.False(key.PublicKey.Verify("Text"u8, signature));
    }

    [Theory]
    [InlineData("")]
    [InlineData(":")]
    [InlineData("name")]
    [InlineData("name:")]
    [InlineData(":d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ4/w=")]
    [InlineData("a b:d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ4/w=")]
    [InlineData("name:d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ4/w")]
    [InlineData("name:d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ4w==")]
    [InlineData("name:d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ4/w=x")]
    [InlineData("name:d1EwWLoRmUN5PLnoiQEsFyMQkXZzQkxOdO+7J1JZ !/w=")]
    public void Parse_BadText_IsRefused(string text)
    {
        Assert.Throws<FormatException>(() => NixPublicKey.Parse(text));
        Assert.Throws<FormatException>(() => NixSignature.Parse(text));
        var exception = Assert.Throws<FormatException>(() => NixSecretKey.Parse(text));
        Assert.True(text.Length < 20 || !exception.Message.Contains(text, StringComparison.Ordinal), "The message shows the key.");
    }

    [Fact]
    public void SecretKey_HalvesOfTwoKeys_IsRefused()
    {
        byte[] seed = Convert.FromBase64String(Secret.Split(':')[1])[..32];
        byte[] other = NixSecretKey.Generate("x").PublicKey.Bytes.ToArray();
        Assert.Throws<FormatException>(() => NixSecretKey.Parse($"x:{Convert.ToBase64String((byte[])[.. seed, .. other])}"));
    }

    [Fact]
    public void Parse_TruncatedAnywhere_IsRefused()
    {
        for (int length = 0; length < Secret.Length; length++)
        {
            Assert.Throws<FormatException>(() => NixSecretKey.Parse(Secret[..length]));
        }
    }
}
