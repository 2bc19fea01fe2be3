using NixFuseStore.Nix;

namespace NixFuseStore.Content.Tests;

public sealed class PathStatementTests
{
    private static readonly NixSecretKey Key = NixSecretKey.Generate("main-1");
    private static readonly ManifestDigest Digest = ManifestDigest.Compute("manifest"u8);

    private static PathInfo Info => new()
    {
        Path = StorePath.ParseBaseName("00bgd045z0d4icpbc2yyz4gx48ak44la-hello-2.12"),
        NarHash = NixHash.Sha256("nar"u8),
        NarSize = 226_552,
        References = [StorePath.ParseBaseName("zzbgd045z0d4icpbc2yyz4gx48ak44la-b"), StorePath.ParseBaseName("00bgd045z0d4icpbc2yyz4gx48ak44la-a")],
        Deriver = StorePath.ParseBaseName("1abgd045z0d4icpbc2yyz4gx48ak44la-hello-2.12.drv"),
    };

    [Fact]
    public void Text_IsCanonical()
    {
        var text = new PathStatement("main", StoreDirectory.Default, Info, Digest).ToString();
        Assert.Equal(
            $"""
            nixfuse-path-1
            store main
            path /nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-hello-2.12
            nar-hash {NixHash.Sha256("nar"u8)}
            nar-size 226552
            references 00bgd045z0d4icpbc2yyz4gx48ak44la-a zzbgd045z0d4icpbc2yyz4gx48ak44la-b
            deriver 1abgd045z0d4icpbc2yyz4gx48ak44la-hello-2.12.drv
            content-address{" "}
            ultimate 0
            manifest {Digest}

            """,
            text);
    }

    [Fact]
    public void OrderOfReferences_DoesNotMatter()
    {
        var turned = Info with { References = [.. Info.References.Reverse()] };
        Assert.Equal(
            new PathStatement("main", StoreDirectory.Default, Info, Digest).ToBytes(),
            new PathStatement("main", StoreDirectory.Default, turned, Digest).ToBytes());
    }

    [Fact]
    public void Signature_CoversEverythingStated()
    {
        var statement = new PathStatement("main", StoreDirectory.Default, Info, Digest);
        var signature = statement.Sign(Key);
        Assert.True(Holds(statement));
        Assert.False(Holds(new PathStatement("other", StoreDirectory.Default, Info, Digest)));
        Assert.False(Holds(new PathStatement("main", new StoreDirectory("/gnu/store"), Info, Digest)));
        Assert.False(Holds(new PathStatement("main", StoreDirectory.Default, Info, ManifestDigest.Compute("other"u8))));
        Assert.False(Of(Info with { Path = StorePath.ParseBaseName("00bgd045z0d4icpbc2yyz4gx48ak44la-hello-2.13") }));
        Assert.False(Of(Info with { NarHash = NixHash.Sha256("other"u8) }));
        Assert.False(Of(Info with { NarSize = 226_553 }));
        Assert.False(Of(Info with { References = [Info.References[0]] }));
        Assert.False(Of(Info with { Deriver = null }));
        Assert.False(Of(Info with { ContentAddress = ContentAddress.Parse("text:sha256:" + NixHash.Sha256("x"u8).ToBase32()) }));
        Assert.False(Of(Info with { Ultimate = true }));
        Assert.True(Of(Info with { RegistrationTime = 77, Signatures = [signature] }));
        Assert.False(statement.IsSignedByAny([NixSecretKey.Generate("main-1").PublicKey], [signature]));
        Assert.False(statement.IsSignedByAny([], [signature]));
        Assert.False(statement.IsSignedByAny([Key.PublicKey], []));
        Assert.True(statement.IsSignedByAny([NixSecretKey.Generate("x").PublicKey, Key.PublicKey], [NixSecretKey.Generate("y").Sign("z"u8), signature]));

        bool Of(PathInfo info) => Holds(new PathStatement("main", StoreDirectory.Default, info, Digest));
        bool Holds(PathStatement stated) => stated.IsSignedByAny([Key.PublicKey], [signature]);
    }

    [Fact]
    public void StoreNameWithALineFeed_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new PathStatement("main\npath x", StoreDirectory.Default, Info, Digest));
}
