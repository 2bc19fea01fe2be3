using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Databases;
using Xunit;
using Outcome = NixFuseStore.Protocol.SubstituteResult.Types.Outcome;

namespace NixFuseStore.Server.Tests.Upstreams;

/// <summary>Two servers on one PostgreSQL and one directory of packs, with one cache behind both.</summary>
public sealed class SeveralServersTests(PostgresServer postgres) : IAsyncLifetime
{
    private readonly string _blobs = Directory.CreateTempSubdirectory("nixfuse-shared-").FullName;
    private readonly FakeUpstream _upstream = new();
    private TestServer _a = null!;
    private TestServer _b = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        var database = await postgres.CreateDatabaseAsync();
        _a = await TestServer.StartAsync(metadata: database, blobs: "file:" + _blobs);
        _b = await TestServer.StartAsync(metadata: database, blobs: "file:" + _blobs);
        await _a.UseMetadataAsync(async metadata =>
        {
            var store = (await metadata.FindStoreAsync("main", TestServer.Cancellation))!;
            await metadata.ChangeUpstreamsAsync(
                store.Id, new([_upstream.Url], [_upstream.Key.PublicKey.ToString()]), UpstreamSettings.None, TestServer.Cancellation);
            return true;
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_b is not null)
        {
            await _b.DisposeAsync();
            await _a.DisposeAsync();
        }

        _upstream.Dispose();
        Directory.Delete(_blobs, recursive: true);
    }

    [Fact]
    public async Task SamePathsThroughBothAtOnce_BothSucceed_AndEachIsRegisteredOnce()
    {
        const int Leaves = 4;
        var leaves = Enumerable.Range(0, Leaves).Select(i => CacheSamples.Create($"leaf{i}")).ToArray();
        var top = CacheSamples.Create("top", [.. leaves.Select(leaf => leaf.Path)]);
        SamplePath[] all = [.. leaves, top];
        foreach (var path in all)
        {
            _upstream.Add(path);
        }

        // No server gets a NAR before both have asked for all the leaves.
        var gate = new TaskCompletionSource();
        _upstream.NarGate = gate.Task;
        var request = new SubstituteRequest { Store = "main" };
        request.HashParts.Add(top.Path.HashPart);
        var askers = new[] { _a, _b }.Select(server => server.Client.SubstituteAsync(request, null, TestServer.Cancellation)).ToArray();
        await Eventually.HoldsAsync(() => Task.FromResult(_upstream.NarRequests == 2 * Leaves));
        gate.SetResult();

        foreach (var response in await Task.WhenAll(askers))
        {
            Assert.Equal((Outcome.Substituted, ""), (response.Results.Single().Outcome, response.Results.Single().Message));
        }

        Assert.Equal((ulong)all.Length, (await _a.Client.GetStoreAsync(new GetStoreRequest { Store = "main" })).HeadEvent);
        foreach (var path in all)
        {
            Assert.Equal(path.NarHash, path.HashOf(await _a.Data.ReadAllAsync(path)));
            Assert.Equal(path.NarHash, path.HashOf(await _b.Data.ReadAllAsync(path)));
        }

        Assert.DoesNotContain(_upstream.Url + " cannot", _a.Log + _b.Log, StringComparison.Ordinal);
    }
}
