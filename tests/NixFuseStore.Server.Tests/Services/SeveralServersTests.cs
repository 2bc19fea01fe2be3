using System.Diagnostics;
using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Databases;
using NixFuseStore.Testing.Stores;
using Xunit;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>Two servers on one PostgreSQL and one directory of packs.</summary>
public sealed class SeveralServersTests(PostgresServer postgres) : IAsyncLifetime
{
    private readonly string _blobs = Directory.CreateTempSubdirectory("nixfuse-shared-").FullName;
    private TestServer _a = null!;
    private TestServer _b = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        var database = await postgres.CreateDatabaseAsync();
        _a = await TestServer.StartAsync(metadata: database, blobs: "file:" + _blobs);
        _b = await TestServer.StartAsync(metadata: database, blobs: "file:" + _blobs);
    }

    public async ValueTask DisposeAsync()
    {
        if (_b is not null)
        {
            await _b.DisposeAsync();
            await _a.DisposeAsync();
        }

        Directory.Delete(_blobs, recursive: true);
    }

    [Fact]
    public async Task Register_OnOne_IsSeenAndReadOnTheOtherWithinASecond()
    {
        await using var watch = _b.Client.WatchAsync(new WatchRequest { Store = "main" }, null, TestServer.Cancellation).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync());
        var sample = SamplePath.CreateRandom("seen", 2, 500_000);
        await _a.Data.UploadAsync(sample.Chunks.Values);
        Assert.Equal(Outcome.Registered, (await _a.RegisterAsync(sample.ToMessage(inline: false))).Outcome);
        var waited = Stopwatch.StartNew();
        while (watch.Current.Events.Count == 0)
        {
            Assert.True(await watch.MoveNextAsync());
        }

        Assert.InRange(waited.ElapsedMilliseconds, 0, 1_500);
        Assert.Equal(sample.Path.BaseName, watch.Current.Events[0].BaseName);
        Assert.Equal(sample.NarHash, sample.HashOf(await _b.Data.ReadAllAsync(sample)));
    }

    [Fact]
    public async Task Upload_ToOneRegisterOnTheOther_IsWhole()
    {
        var sample = SamplePath.CreateRandom("apart", 2, 500_000);
        await _a.Data.UploadAsync(sample.Chunks.Values);
        Assert.Equal(Outcome.Registered, (await _b.RegisterAsync(sample.ToMessage(inline: false))).Outcome);
        Assert.Equal(sample.NarHash, sample.HashOf(await _a.Data.ReadAllAsync(sample)));
    }

    [Fact]
    public async Task Register_TheSamePathsOnBothAtOnce_EachIsValidOnce()
    {
        var samples = Enumerable.Range(0, 40).Select(i => SamplePath.CreateRandom($"race{i}", 1, 2_000)).ToArray();
        var results = await Task.WhenAll(samples.SelectMany(sample => new[] { _a, _b }.Select(server => server.RegisterAsync(sample.ToMessage()))));
        Assert.All(results, result => Assert.True(result.Outcome is Outcome.Registered or Outcome.AlreadyValid, result.Message));
        Assert.Equal(samples.Length, results.Count(result => result.Outcome == Outcome.Registered));
        Assert.Equal((ulong)samples.Length, (await _b.Client.GetStoreAsync(new GetStoreRequest { Store = "main" })).HeadEvent);
    }

    [Fact]
    public async Task Register_DifferentContentOnBothAtOnce_OneWinsAndTheOtherIsTold()
    {
        var first = SamplePath.Create("contested", FakeTree.File("one"));
        var second = SamplePath.Create(first.Path, FakeTree.File("two"));
        var results = await Task.WhenAll(_a.RegisterAsync(first.ToMessage()), _b.RegisterAsync(second.ToMessage()));
        Assert.Equal([Outcome.Registered, Outcome.Conflict], results.Select(result => result.Outcome).Order());
        Assert.Equal(results[0].Path.NarHash, results[1].Path.NarHash);
    }

    [Fact]
    public async Task Revoke_OnOne_TheOtherStopsServingItsChunks()
    {
        var sample = SamplePath.CreateRandom("gone", 1, 1_000);
        await _a.RegisterAllAsync(sample);
        Assert.NotEmpty(await _b.Data.ReadAllAsync(sample));
        var request = new RevokePathsRequest { Store = "main" };
        request.BaseNames.Add(sample.Path.BaseName);
        await _a.Client.RevokePathsAsync(request);
        await Eventually.HoldsAsync(async () =>
            (await _b.Data.ReadAsync(DataPlaneHelp.AskFor(sample, 0, 1))).Single().Header.Status == Protocol.DataPlane.FrameStatus.NoSuchManifest);
    }

    [Fact]
    public async Task Token_RevokedOnTheDatabase_BothServersRefuseIt()
    {
        var (token, id) = await _a.CreateTokenAsync(AccessRights.Read, "main");
        foreach (var server in new[] { _a, _b })
        {
            await server.OpenClient(token).GetStoreAsync(new GetStoreRequest { Store = "main" });
        }

        await _a.UseMetadataAsync(metadata => metadata.RevokeTokenAsync(id));
        foreach (var server in new[] { _a, _b })
        {
            var client = server.OpenClient(token);
            await Eventually.HoldsAsync(
                async () =>
                {
                    try
                    {
                        await client.GetStoreAsync(new GetStoreRequest { Store = "main" });
                        return false;
                    }
                    catch (RpcException e)
                    {
                        return e.StatusCode == StatusCode.Unauthenticated;
                    }
                });
        }
    }
}
