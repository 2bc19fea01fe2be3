using NixFuseStore.Nix.BinaryCaches;

namespace NixFuseStore.Nix.Tests.BinaryCaches;

public sealed class NarInfoTests
{
    // Written by Nix 2.8.0 with a throw-away key.
    internal const string Signed = """
        StorePath: /nix/store/ps4g84418h0d4cavn2k8fkxgnz2p383l-d2
        URL: nar/0ayrv0pzldqbpmxi56vc4f5d01y61zrk2p526pvnfx96r9mk8wi0.nar
        Compression: none
        FileHash: sha256:0ayrv0pzldqbpmxi56vc4f5d01y61zrk2p526pvnfx96r9mk8wi0
        FileSize: 216
        NarHash: sha256:0ayrv0pzldqbpmxi56vc4f5d01y61zrk2p526pvnfx96r9mk8wi0
        NarSize: 216
        References: 1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1
        Deriver: gx30927i014sppyns5075zdl0jvrk57s-d2.drv
        Sig: test-key-1:8ocGTDtok+SStdKEMNU4FZZN2r8nsmFqEOB7q4LujwFdQkTaJHYewlaLhZg0o02eodfFyww+cL7Ty70ZybN7Bg==

        """;

    private const string Fingerprint =
        "1;/nix/store/ps4g84418h0d4cavn2k8fkxgnz2p383l-d2;sha256:0ayrv0pzldqbpmxi56vc4f5d01y61zrk2p526pvnfx96r9mk8wi0;216;"
        + "/nix/store/1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt,/nix/store/ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1";

    private static readonly string[] RequiredKeys = ["StorePath", "URL", "NarHash", "NarSize"];

    [Fact]
    public void Parse_OfNixsFile_PrintsTheSame()
    {
        var narInfo = NarInfo.Parse(Signed, StoreDirectory.Default);
        Assert.Equal(Signed, narInfo.Print(StoreDirectory.Default));
        Assert.Equal(216UL, narInfo.Info.NarSize);
        Assert.Equal("none", narInfo.Compression);
        Assert.Equal(2, narInfo.Info.References.Count);
        Assert.Equal(Fingerprint, narInfo.Info.Fingerprint(StoreDirectory.Default));
    }

    [Fact]
    public void Print_WithoutReferences_KeepsTheSpaceBehindTheKey()
    {
        var narInfo = NarInfo.Parse(Signed, StoreDirectory.Default);
        string text = (narInfo with { Info = narInfo.Info with { References = [] } }).Print(StoreDirectory.Default);
        Assert.Contains("\nReferences: \n", text, StringComparison.Ordinal);
        Assert.Empty(NarInfo.Parse(text, StoreDirectory.Default).Info.References);
    }

    [Fact]
    public void Parse_WithContentAddress_KeepsIt()
    {
        const string Address = "fixed:r:sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw";
        var narInfo = NarInfo.Parse($"{Signed}CA: {Address}\n", StoreDirectory.Default);
        Assert.Equal(Address, narInfo.Info.ContentAddress?.ToString());
        Assert.Equal($"{Signed}CA: {Address}\n", narInfo.Print(StoreDirectory.Default));
    }

    [Fact]
    public void Parse_UnknownKeys_AreSkipped() =>
        Assert.Equal(Signed, NarInfo.Parse($"System: x86_64-linux\n{Signed}", StoreDirectory.Default).Print(StoreDirectory.Default));

    [Fact]
    public void Parse_NoCompression_MeansBzip2() =>
        Assert.Equal("bzip2", NarInfo.Parse(Without("Compression"), StoreDirectory.Default).Compression);

    [Fact]
    public void Parse_UnknownDeriver_IsNone() => Assert.Null(
        NarInfo.Parse(Without("Deriver") + "Deriver: unknown-deriver\n", StoreDirectory.Default).Info.Deriver);

    [Fact]
    public void Parse_RequiredKeyMissing_IsRefused()
    {
        foreach (string key in RequiredKeys)
        {
            var exception = Assert.Throws<FormatException>(() => NarInfo.Parse(Without(key), StoreDirectory.Default));
            Assert.Contains(key, exception.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("NarSize: 0")]
    [InlineData("NarSize: -1")]
    [InlineData("NarSize: 99999999999999999999")]
    [InlineData("NarHash: sha1:iwjz551fyw0cxcjgf4l6c879zabd6wpm")]
    [InlineData("NarHash: 0ayrv0pzldqbpmxi56vc4f5d01y61zrk2p526pvnfx96r9mk8wi0")]
    [InlineData("StorePath: /gnu/store/ps4g84418h0d4cavn2k8fkxgnz2p383l-d2")]
    [InlineData("References: ../../etc/passwd")]
    [InlineData("Deriver: x")]
    [InlineData("CA: nonsense")]
    public void Parse_BadValue_IsRefused(string line) => Assert.Throws<FormatException>(
        () => NarInfo.Parse(Without(line.Split(':')[0]) + line + "\n", StoreDirectory.Default));

    [Fact]
    public void Parse_SignatureOfAnUnknownForm_IsPassedOver()
    {
        var narInfo = NarInfo.Parse(Signed + "Sig: odd\nSig: a:b:c\nSig: key:!!!\nSig: \n", StoreDirectory.Default);
        Assert.Equal(Signed, narInfo.Print(StoreDirectory.Default));
    }

    [Fact]
    public void Parse_KeyTwice_IsRefused() =>
        Assert.Throws<FormatException>(() => NarInfo.Parse(Signed + "NarSize: 216\n", StoreDirectory.Default));

    [Fact]
    public void Parse_TruncatedAnywhere_ThrowsNothingElse()
    {
        for (int length = 0; length < Signed.Length; length++)
        {
            try
            {
                NarInfo.Parse(Signed[..length], StoreDirectory.Default);
            }
            catch (FormatException)
            {
                continue;
            }

            Assert.True(length > Signed.IndexOf("NarSize: 2", StringComparison.Ordinal), $"Taken although truncated to {length}.");
        }
    }

    private static string Without(string key) =>
        string.Concat(Signed.Split('\n').Where(line => line.Length > 0 && !line.StartsWith(key + ":", StringComparison.Ordinal)).Select(line => line + "\n"));
}
