using System.Diagnostics;
using System.Globalization;
using System.Net;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Databases;
using NixFuseStore.Testing.Stores;
using Xunit;

namespace NixFuseStore.Server.Tests.BinaryCache;

/// <summary>What is remembered of valid paths while others are signed, on a real PostgreSQL.</summary>
public sealed class RememberedNarInfoTests(PostgresServer postgres)
{
    private const int Paths = 60;
    private const int Rounds = 20;

    [Fact]
    public async Task NarInfo_WhileAnotherPathIsSignedAgainAndAgain_IsNotAskedForAgain()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        var uri = await postgres.CreateDatabaseAsync();
        await using var server = await TestServer.StartAsync(metadata: uri);
        using var cache = new CacheClient(server);
        SamplePath[] paths = [.. Enumerable.Range(0, Paths).Select(number => SamplePath.Create($"path-{number}", FakeTree.File($"{number}")))];
        await server.RegisterAllAsync(paths);
        await GetAllAsync();
        await Task.Delay(1_200, TestServer.Cancellation);
        var before = await CountAsync();

        var clock = Stopwatch.StartNew();
        for (int round = 0; round < Rounds; round++)
        {
            var request = new AddSignaturesRequest { Store = "main" };
            var signatures = new PathSignatures { BaseName = paths[0].Path.BaseName };
            signatures.Signatures.Add($"key-{round}:" + Convert.ToBase64String(new byte[64]));
            request.Paths.Add(signatures);
            await server.Client.AddSignaturesAsync(request, null, TestServer.Cancellation);
            await GetAllAsync();
        }

        // The database counts with a delay.
        var seconds = clock.Elapsed.TotalSeconds;
        await Task.Delay(1_500, TestServer.Cancellation);
        var asked = await CountAsync() - before;
        TestContext.Current.TestOutputHelper!.WriteLine($"{asked} transactions for {Paths * Rounds} files in {seconds:F1} s");
        Assert.InRange(asked, Rounds, (Paths * Rounds / 2) + (20 * seconds));
        await Eventually.HoldsAsync(async () => (await cache.GetNarInfoAsync(paths[0].Path)).Info.Signatures.Count > Rounds, milliseconds: 10_000);

        async Task GetAllAsync()
        {
            foreach (var path in paths)
            {
                Assert.Equal(HttpStatusCode.OK, (await cache.GetAsync(path.Path.HashPart + ".narinfo")).Status);
            }
        }

        async Task<long> CountAsync() => long.Parse(
            await postgres.QueryAsync(
                "postgres", $"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{PostgresServer.NameOf(uri)}'"),
            CultureInfo.InvariantCulture);
    }
}
