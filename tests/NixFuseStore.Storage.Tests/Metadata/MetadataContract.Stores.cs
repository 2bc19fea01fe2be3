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
    public async Task Roots_AndSessions_KeepWhatTheyWereTold()
    {
        var sample = SamplePath.Create("rooted");
        await AddAsync(sample);

        Assert.True(await Metadata.SetRootAsync(Main, "profile", sample.Path, Token));
        Assert.False(await Metadata.SetRootAsync(Main, "wrong", SamplePath.Name("nothing"), Token));
        Assert.Equal([("profile", sample.Path)], await Metadata.ListRootsAsync(Main, Token));
        Assert.True(await Metadata.RemoveRootAsync(Main, "profile", Token));
        Assert.False(await Metadata.RemoveRootAsync(Main, "profile", Token));

        long session = await Metadata.OpenSessionAsync(Main, "host", TimeSpan.FromMinutes(1), Token);
        Assert.True(await Metadata.AddTemporaryRootsAsync(session, [sample.Path, SamplePath.Name("coming")], Token));
        Assert.True(await Metadata.AddTemporaryRootsAsync(session, [sample.Path], Token));
        Assert.Equal(2, (await Metadata.ListTemporaryRootsAsync(Main, Token)).Count);
        Assert.True(await Metadata.RenewSessionAsync(session, TimeSpan.FromMilliseconds(1), Token));
        await Task.Delay(30, Token);
        Assert.False(await Metadata.RenewSessionAsync(session, TimeSpan.FromMinutes(1), Token));
        Assert.False(await Metadata.AddTemporaryRootsAsync(session, [sample.Path], Token));
        Assert.Empty(await Metadata.ListTemporaryRootsAsync(Main, Token));
        await Metadata.CloseSessionAsync(session, Token);
        Assert.True(await Metadata.OpenSessionAsync(Main, "host", TimeSpan.FromMinutes(1), Token) > session);
    }

    [Fact]
    public async Task Derivations_AndRealisations_AreFoundBothWays()
    {
        var derivation = SamplePath.Create("hello.drv");
        await AddAsync(derivation);
        var outputs = new Dictionary<string, NixFuseStore.Nix.StorePath> { ["out"] = SamplePath.Name("hello"), ["dev"] = SamplePath.Name("hello-dev") };

        Assert.True(await Metadata.AddDerivationOutputsAsync(Main, derivation.Path, outputs, Token));
        Assert.True(await Metadata.AddDerivationOutputsAsync(Main, derivation.Path, outputs, Token));
        Assert.False(await Metadata.AddDerivationOutputsAsync(Main, SamplePath.Name("other.drv"), outputs, Token));
        Assert.Equivalent(outputs, await Metadata.GetDerivationOutputsAsync(Main, derivation.Path, Token), strict: true);
        Assert.Equal([derivation.Path], await Metadata.GetDeriversAsync(Main, outputs["dev"], Token));

        Assert.Null(await Metadata.FindRealisationAsync(Main, "sha256:aa!out", Token));
        Assert.Equal("{1}", await Metadata.AddRealisationAsync(Main, "sha256:aa!out", "{1}", Token));
        Assert.Equal("{1}", await Metadata.AddRealisationAsync(Main, "sha256:aa!out", "{2}", Token));
        Assert.Equal("{1}", await Metadata.FindRealisationAsync(Main, "sha256:aa!out", Token));
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
