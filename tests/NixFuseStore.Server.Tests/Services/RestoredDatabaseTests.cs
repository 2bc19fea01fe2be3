using System.Net;
using Grpc.Core;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Databases;
using NixFuseStore.Testing.Stores;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>Two servers that run on while their database is restored from a backup.</summary>
public sealed class RestoredDatabaseTests(PostgresServer postgres)
{
    [Fact]
    public async Task Restore_GrownSinceBeyondWhatWasSeen_IsNoticedByBothServersAndTheirWatchers()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        var blobs = Directory.CreateTempSubdirectory("nixfuse-shared-").FullName;
        var uri = await postgres.CreateDatabaseAsync();
        try
        {
            await using var a = await TestServer.StartAsync(metadata: uri, blobs: "file:" + blobs);
            await using var b = await TestServer.StartAsync(metadata: uri, blobs: "file:" + blobs);
            using var onA = new CacheClient(a);
            using var onB = new CacheClient(b);
            var kept = CacheSamples.Create("kept");
            await onA.UploadAsync(kept, NarCompression.None);
            await postgres.BackUpAsync(uri);

            // 1. A path that the backup lacks, remembered on both servers.
            var lost = CacheSamples.Create("lost");
            await Eventually.HoldsAsync(() => RegisteredAsync(a, lost));
            var head = await a.Client.GetStoreAsync(new GetStoreRequest { Store = "main" });
            foreach (var server in new[] { onA, onB })
            {
                await Eventually.HoldsAsync(async () => await server.HeadAsync(lost.Path.HashPart + ".narinfo") == HttpStatusCode.OK);
            }

            // 2. The database goes back, and grows beyond where it was.
            await postgres.RestoreAsync(uri);
            for (int i = 0; i < 4; i++)
            {
                var since = SamplePath.Create($"since-{i}", FakeTree.File($"since-{i}"));
                await Eventually.HoldsAsync(() => RegisteredAsync(b, since));
            }

            // 3. What was remembered of the lost path is gone, and of the kept one is right.
            foreach (var server in new[] { onA, onB })
            {
                await Eventually.HoldsAsync(
                    async () => await server.HeadAsync(lost.Path.HashPart + ".narinfo") == HttpStatusCode.NotFound);
                Assert.Equal(kept.NarHash, (await server.GetNarInfoAsync(kept.Path)).Info.NarHash);
            }

            // 4. A watcher that goes on from where it was is told.
            var request = new WatchRequest { Store = "main", AfterEvent = head.HeadEvent, AfterEventId = head.HeadEventId };
            WatchResponse? told = null;
            await Eventually.HoldsAsync(async () => (told = await TryWatchAsync(a, request)) is not null);
            Assert.True(told!.Resync);
            Assert.True(told.HeadEvent > head.HeadEvent);
        }
        finally
        {
            Directory.Delete(blobs, recursive: true);
        }
    }

    /// <summary>The first message; null while the server's feed still waits for the database that was not there for a moment, as a client would wait.</summary>
    private static async Task<WatchResponse?> TryWatchAsync(TestServer server, WatchRequest request)
    {
        try
        {
            await foreach (var message in server.Client.WatchAsync(request, null, TestServer.Cancellation))
            {
                return message;
            }
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            // Asked again.
        }

        return null;
    }

    /// <summary>Connections to the former database broke, and the servers find that out one by one.</summary>
    private static async Task<bool> RegisteredAsync(TestServer server, SamplePath path)
    {
        try
        {
            return (await server.RegisterAsync(path.ToMessage())).Outcome
                is RegisterPathResult.Types.Outcome.Registered or RegisterPathResult.Types.Outcome.AlreadyValid;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            return false;
        }
    }
}
