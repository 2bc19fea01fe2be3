using System.Security.Cryptography;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    [Fact]
    public async Task CreateStore_ThenFind_ReturnsTheSame()
    {
        var created = await Metadata.CreateStoreAsync(new NewStore("team", "/opt/nix/store", 7, "team-1:sec", "team-1:pub"), Token);

        var found = await Metadata.FindStoreAsync("team", Token);

        Assert.NotNull(created);
        Assert.NotNull(found);
        Assert.Equal(("team", "/opt/nix/store", 7), (found.Name, found.StoreDirectory, found.ChunkingParameters));
        Assert.Equal(created.Uuid, found.Uuid);
        Assert.Equal(16, found.Uuid.Length);
        Assert.Equal(["main", "team"], (await Metadata.ListStoresAsync(Token)).Select(store => store.Name));
        Assert.Null(await Metadata.FindStoreAsync("nobody", Token));
    }

    [Fact]
    public async Task CreateStore_NameTaken_ReturnsNullAndChangesNothing()
    {
        Assert.Null(await Metadata.CreateStoreAsync(new NewStore("main", "/other", 2, "x:s", "x:p"), Token));

        Assert.Equal("/nix/store", (await Metadata.FindStoreAsync("main", Token))!.StoreDirectory);
        Assert.Single(await Metadata.GetSigningKeysAsync(Main, Token));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData(".hidden")]
    [InlineData("ä")]
    public async Task CreateStore_BadName_IsRefused(string name) =>
        await Assert.ThrowsAsync<ArgumentException>(() => Metadata.CreateStoreAsync(new NewStore(name, "/nix/store", 1, "k:s", "k:p"), Token));

    [Fact]
    public async Task SigningKeys_AreNewestFirst()
    {
        await Metadata.AddSigningKeyAsync(Main, "main-2:sec", "main-2:pub", Token);
        await Metadata.AddSigningKeyAsync(Main, "main-3:sec", "main-3:pub", Token);

        var keys = await Metadata.GetSigningKeysAsync(Main, Token);

        Assert.Equal(["main-3:pub", "main-2:pub", "main-1:cHVibGlj"], keys.Select(key => key.PublicKey));
        Assert.Equal("main-3:sec", keys[0].SecretKey);
    }

    [Fact]
    public async Task Token_LivesUntilItIsRevoked()
    {
        var other = await CreateStoreAsync("other");
        byte[] hash = SHA256.HashData("secret"u8);
        Assert.False(await Metadata.AnyTokenAsync(Token));

        var made = await Metadata.CreateTokenAsync(
            new NewToken(hash, "ci", AccessRights.Read, new Dictionary<StoreId, AccessRights> { [Main] = AccessRights.Write }), Token);

        var found = await Metadata.FindTokenAsync(hash, Token);
        Assert.NotNull(found);
        Assert.Equal(AccessRights.Read | AccessRights.Write, found.RightsIn(Main));
        Assert.Equal(AccessRights.Read, found.RightsIn(other.Id));
        Assert.Null(found.LastUsed);
        Assert.Null(await Metadata.FindTokenAsync(SHA256.HashData("guess"u8), Token));

        await Metadata.TouchTokenAsync(made.Id, Token);
        Assert.True(await Metadata.RevokeTokenAsync(made.Id, Token));
        Assert.False(await Metadata.RevokeTokenAsync(made.Id, Token));
        Assert.False(await Metadata.RevokeTokenAsync(made.Id + 1, Token));

        var revoked = Assert.Single(await Metadata.ListTokensAsync(Token));
        Assert.NotNull(revoked.LastUsed);
        Assert.Equal(AccessRights.None, revoked.RightsIn(Main));
        Assert.True(await Metadata.AnyTokenAsync(Token));
    }

    [Fact]
    public async Task Token_WithAnEnd_KeepsIt()
    {
        var token = new NewToken(SHA256.HashData("brief"u8), "", AccessRights.Read, new Dictionary<StoreId, AccessRights>()) { Expires = 4_000_000_000 };
        Assert.Equal(4_000_000_000, (await Metadata.CreateTokenAsync(token, Token)).Expires);
        await Metadata.CreateTokenAsync(token with { Hash = SHA256.HashData("endless"u8), Expires = null }, Token);

        Assert.Equal([4_000_000_000, null], (await Metadata.ListTokensAsync(Token)).Select(each => each.Expires));
        var found = (await Metadata.FindTokenAsync(token.Hash, Token))!;
        Assert.False(found.IsExpired(DateTimeOffset.FromUnixTimeSeconds(3_999_999_999)));
        Assert.True(found.IsExpired(DateTimeOffset.FromUnixTimeSeconds(4_000_000_000)));
    }

    [Fact]
    public async Task StoreSizes_CountPathsAndTheirNars()
    {
        Assert.Empty(await Metadata.GetStoreSizesAsync(Token));
        await CreateStoreAsync("empty");
        var (first, second) = (SamplePath.Create("first"), SamplePath.Create("second"));
        await AddAsync(first, second);

        var size = Assert.Single(await Metadata.GetStoreSizesAsync(Token));

        Assert.Equal(Main, size.Key);
        Assert.Equal(new StoreSize(2, (long)(first.Registration.NarSize + second.Registration.NarSize)), size.Value);
    }

    [Fact]
    public async Task UnsignedPaths_AreThoseWithoutTheStoresOwnSignatureByThatKey_AndAKeyGoesWithAllThatItSigned()
    {
        var samples = Enumerable.Range(0, 5).Select(number => SamplePath.Create($"p{number}")).ToArray();
        await AddAsync(samples);
        await Metadata.AddSigningKeyAsync(Main, "main_2:sec", "main_2:pub", Token);

        // Nix's signature by that key does not count, nor a name that only looks alike ('_' is a wildcard elsewhere).
        await Metadata.AddSignaturesAsync(
            Main,
            [
                new PathSignatures(samples[0].Path, []) { StoreSignatures = ["main_2:QQ=="] },
                new PathSignatures(samples[1].Path, ["main_2:QQ=="]) { StoreSignatures = ["main-2:QQ=="] },
            ],
            Token);
        Assert.Equal(4, await Metadata.CountUnsignedPathsAsync(Main, "main_2", Token));
        Assert.Equal(3, (await Metadata.FindUnsignedPathsAsync(Main, "main_2", 3, Token)).Count);
        Assert.DoesNotContain(await Metadata.FindUnsignedPathsAsync(Main, "main_2", 100, Token), path => path.Path == samples[0].Path);

        Assert.True(await Metadata.RemoveSigningKeyAsync(Main, "main_2:pub", Token));
        Assert.False(await Metadata.RemoveSigningKeyAsync(Main, "main_2:pub", Token));
        Assert.DoesNotContain(await Metadata.GetSigningKeysAsync(Main, Token), key => key.PublicKey == "main_2:pub");
        Assert.Equal(5, await Metadata.CountUnsignedPathsAsync(Main, "main_2", Token));
        var left = Assert.Single(await Metadata.QueryPathsAsync(Main, [samples[1].Path.HashPart], Token));
        Assert.DoesNotContain("main_2:QQ==", left.Signatures);
        Assert.Contains("main-2:QQ==", left.StoreSignatures);
    }

    [Fact]
    public async Task Open_AgainAndSeveralAtOnce_FindsTheSameSchema()
    {
        var opened = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => OpenUnlistedAsync())));

        foreach (var store in opened)
        {
            Assert.NotNull(await store.FindStoreAsync("main", Token));
            await store.DisposeAsync();
        }
    }

    private Task<IMetadataStore> OpenUnlistedAsync() => StorageFactory.OpenMetadataAsync(Uri, Token);
}
