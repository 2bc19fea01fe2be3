using System.Diagnostics;
using System.Globalization;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Databases;
using NixFuseStore.Testing.Stores;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>What many idle watchers cost, on a real PostgreSQL.</summary>
public sealed class IdleWatchersTests(PostgresServer postgres)
{
    private const int Watchers = 200;
    private const int TransactionsPerSecondMax = 50;

    [Fact]
    public async Task Watch_ManyWithTokensOfTheirOwn_CostTheDatabaseHardlyAnythingAndHearAtOnce()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        var uri = await postgres.CreateDatabaseAsync();
        var database = PostgresServer.NameOf(uri);
        await using var server = await TestServer.StartAsync(metadata: uri);
        var writer = server.OpenClient((await server.CreateTokenAsync(AccessRights.Read | AccessRights.Write)).Token);
        var tokens = await server.UseMetadataAsync(async metadata =>
        {
            var made = new List<string>();
            for (int i = 0; i < Watchers; i++)
            {
                made.Add(TokenText.Generate());
                await metadata.CreateTokenAsync(
                    new NewToken(TokenText.Hash(made[i]), "watcher", AccessRights.Read, new Dictionary<StoreId, AccessRights>()), TestServer.Cancellation);
            }

            return made;
        });
        var watches = tokens.Select(token => server.OpenClient(token)
            .WatchAsync(new WatchRequest { Store = "main" }, null, TestServer.Cancellation).GetAsyncEnumerator(TestServer.Cancellation)).ToArray();
        foreach (var watch in watches)
        {
            Assert.True(await watch.MoveNextAsync());
        }

        // 1. Nothing happens. The first second is left out, since the database counts with a delay.
        await Task.Delay(1_500, TestServer.Cancellation);
        var (before, clock) = (await CountAsync(database), Stopwatch.StartNew());
        await Task.Delay(4_000, TestServer.Cancellation);
        var rate = (await CountAsync(database) - before) / clock.Elapsed.TotalSeconds;
        TestContext.Current.TestOutputHelper!.WriteLine($"{rate:F1} transactions a second for {Watchers} idle watchers");
        Assert.InRange(rate, 0, TransactionsPerSecondMax);

        // 2. Something does.
        var request = new RegisterPathsRequest { Store = "main" };
        request.Paths.Add(SamplePath.Create("news", FakeTree.File("x")).ToMessage());
        await writer.RegisterPathsAsync(request, null, TestServer.Cancellation);
        clock.Restart();
        foreach (var watch in watches)
        {
            while (watch.Current.Events.Count == 0)
            {
                Assert.True(await watch.MoveNextAsync());
            }
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"all heard after {clock.ElapsedMilliseconds} ms");
        foreach (var watch in watches)
        {
            await watch.DisposeAsync();
        }
    }

    private async Task<long> CountAsync(string database) => long.Parse(
        await postgres.QueryAsync("postgres", $"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{database}'"),
        CultureInfo.InvariantCulture);
}
