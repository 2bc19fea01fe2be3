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
