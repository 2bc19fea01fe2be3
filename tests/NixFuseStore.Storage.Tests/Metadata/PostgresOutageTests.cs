using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Databases;

namespace NixFuseStore.Storage.Tests.Metadata;

public sealed class PostgresOutageTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_WhileTheServerIsAway_SayUnavailable_AndWorkAgainAfterwards()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        await using var server = new PostgresServer();
        await using var metadata = await StorageFactory.OpenMetadataAsync(await server.CreateDatabaseAsync(), Token);
        var store = await metadata.CreateStoreAsync(new NewStore("main", "/nix/store", 1, "k:s", "k:p"), Token);
        var sample = SamplePath.Create("away");
        await SamplePath.IndexAsync(metadata, store!.Id, sample);
        var waiting = metadata.WaitForEventsAsync(store.Id, default, TimeSpan.FromSeconds(60), Token);

        await server.StopAsync();

        await Assert.ThrowsAsync<MetadataUnavailableException>(() => metadata.PingAsync(Token));
        await Assert.ThrowsAsync<MetadataUnavailableException>(() => metadata.QueryPathsAsync(store.Id, [sample.Path.HashPart], Token));
        await Assert.ThrowsAsync<MetadataUnavailableException>(
            () => metadata.RegisterPathsAsync(store.Id, ChunkScope.All, [sample.Registration], cancellationToken: Token));
        await Assert.ThrowsAsync<MetadataUnavailableException>(
            () => StorageFactory.OpenMetadataAsync(server.GetUri("test1"), Token));

        // Nor is a waiter left to believe that nothing happens.
        await Assert.ThrowsAsync<MetadataUnavailableException>(() => waiting);

        await server.StartAsync();
        var results = await metadata.RegisterPathsAsync(store.Id, ChunkScope.All, [sample.Registration], cancellationToken: Token);
        Assert.Equal(RegistrationOutcome.Registered, Assert.Single(results).Outcome);
        Assert.Single((await metadata.ReadEventsAsync(store.Id, default, 10, Token)).Events);
    }

    [Fact]
    public async Task Open_OverUnixSocket_Works()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        await using var server = new PostgresServer();
        await server.CreateDatabaseAsync();

        await using var metadata = await StorageFactory.OpenMetadataAsync(
            $"postgres://postgres@{System.Uri.EscapeDataString(server.SocketDirectory)}:{server.Port}/test1", Token);

        await metadata.PingAsync(Token);
    }
}
