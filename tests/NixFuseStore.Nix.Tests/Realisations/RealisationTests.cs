using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Nix.Tests.Realisations;

public sealed class RealisationTests
{
    private const string Hash = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private const string Id = Hash + "!out";
    private const string BaseName = "00000000000000000000000000000000-thing";

    [Theory]
    [InlineData(Id, true)]
    [InlineData(Hash + "!lib-2", true)]
    [InlineData(Hash + "!", false)]
    [InlineData(Hash, false)]
    [InlineData(Hash + "!a/b", false)]
    [InlineData(Hash + "!a\"b", false)]
    [InlineData("sha256:abc!out", false)]
    [InlineData("SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!out", false)]
    [InlineData("sha256:Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!out", false)]
    [InlineData("", false)]
    public void IsId_TakesWhatNixWrites(string text, bool expected) => Assert.Equal(expected, Realisation.IsId(text));

    [Fact]
    public void Create_WritesWhatParseReads()
    {
        var written = Realisation.Create(Id, StorePath.ParseBaseName(BaseName));
        Assert.Equal($$"""{"dependentRealisations":{},"id":"{{Id}}","outPath":"{{BaseName}}","signatures":[]}""", written.Json);
        Assert.Equal(written, Realisation.Parse(written.Json));
        Assert.Equal(Id, Realisation.IdOf(new NixHash(NixHashAlgorithm.Sha256, Convert.FromHexString(new string('a', 64))), "out"));
        Assert.Throws<FormatException>(() => Realisation.Create("sha256:a!out", StorePath.ParseBaseName(BaseName)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData($$"""{"id":"{{Id}}"}""")]
    [InlineData($$"""{"id":"{{Id}}","outPath":"../x"}""")]
    [InlineData($$"""{"id":"{{Id}}","outPath":7}""")]
    [InlineData($$"""{"id":"sha256:a!out","outPath":"{{BaseName}}"}""")]
    [InlineData($$"""{"id":"\ud800","outPath":"{{BaseName}}"}""")]
    [InlineData($$"""{"id":"{{Id}}","outPath":"\udc00"}""")]
    public void Parse_WhatIsNone_SaysSo(string json)
    {
        Assert.False(Realisation.TryParse(json, out _));
        Assert.DoesNotContain('\n', Assert.Throws<FormatException>(() => Realisation.Parse(json)).Message);
    }

    [Fact]
    public void Unite_GivesTheSignaturesOfAnEqualOne()
    {
        var first = $$"""{"id":"{{Id}}","outPath":"{{BaseName}}","signatures":["b:1"]}""";
        Assert.Equal(
            $$"""{"id":"{{Id}}","outPath":"{{BaseName}}","signatures":["a:+","b:1"]}""",
            Realisation.Unite(first, $$"""{"outPath": "{{BaseName}}", "signatures": ["a:+"], "id": "{{Id}}"}"""));
        Assert.Equal(
            $$"""{"id":"{{Id}}","outPath":"{{BaseName}}","signatures":["a:+","b:1"]}""",
            Realisation.Unite(first, $$"""{"id":"{{Id}}","outPath":"{{BaseName}}","signatures":[{"keyName":"a","sig":"+"},{"keyName":"b","sig":"1"}]}"""));
        Assert.Equal(first, Realisation.Unite(first, $$"""{"id":"{{Id}}","outPath":"x","signatures":["a:1"]}"""));
        Assert.Equal("{1}", Realisation.Unite("{1}", first));
    }

    [Fact]
    public void Signature_CoversAllButSignatures_InNixsOrder()
    {
        var key = NixSecretKey.Generate("key-1");
        var fingerprint = $$"""{"dependentRealisations":{"{{Hash}}!a":"x","{{Hash}}!b":"y"},"id":"{{Id}}","outPath":"{{BaseName}}"}""";
        var signature = key.Sign(System.Text.Encoding.UTF8.GetBytes(fingerprint)).ToString();
        var signed = Realisation.Parse(
            $$"""{"signatures":["{{signature}}"], "outPath":"{{BaseName}}","id":"{{Id}}","dependentRealisations":{"{{Hash}}!b":"y","{{Hash}}!a":"x"} }""");
        Assert.True(signed.IsSignedByAny([key.PublicKey]));
        Assert.False(signed.IsSignedByAny([NixSecretKey.Generate("key-1").PublicKey]));
        var parts = signature.Split(':');
        Assert.True(Realisation.Parse(signed.Json.Replace($"\"{signature}\"", $$"""{"keyName":"{{parts[0]}}","sig":"{{parts[1]}}"}""", StringComparison.Ordinal)).IsSignedByAny([key.PublicKey]));
        Assert.False(Realisation.Parse(signed.Json.Replace("thing", "other", StringComparison.Ordinal)).IsSignedByAny([key.PublicKey]));
    }
}
