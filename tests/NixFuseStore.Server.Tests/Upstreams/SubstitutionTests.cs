using System.Net;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Stores;
using Xunit;
using Outcome = NixFuseStore.Protocol.SubstituteResult.Types.Outcome;

namespace NixFuseStore.Server.Tests.Upstreams;

/// <summary>What is not here but upstream can be had, and nothing that an upstream cache does makes anything worse than that it cannot.</summary>
public sealed class SubstitutionTests : IAsyncLifetime
{
    private readonly FakeUpstream _upstream = new();
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        await ConfigureAsync(_upstream);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _upstream.Dispose();
    }

    [Fact]
    public async Task Query_TellsWhatTheCacheSays_OfSignedPathsOnly()
    {
        var lower = CacheSamples.Create("lower");
        var upper = CacheSamples.Create("upper", lower.Path);
        var unsigned = CacheSamples.Create("unsigned");
        _upstream.Add(lower);
        _upstream.Add(upper);
        _upstream.Add(unsigned, signed: false);

        var response = await QueryAsync(upper.Path.HashPart, unsigned.Path.HashPart, new string('0', 32));

        var found = Assert.Single(response.Paths);
        Assert.Equal((upper.Path.BaseName, upper.NarSize), (found.BaseName, found.NarSize));
        Assert.Equal([lower.Path.BaseName], found.References);
        Assert.True(found.DownloadSize > 0);
    }

    [Fact]
    public async Task Substitute_BringsThePathWithAllThatItRefersTo()
    {
        var bottom = CacheSamples.Create("bottom");
        var left = CacheSamples.Create("left", bottom.Path);
        var right = CacheSamples.Create("right", bottom.Path);
        var top = CacheSamples.Create("top", left.Path, right.Path);
        foreach (var path in (SamplePath[])[top, left, right, bottom])
        {
            _upstream.Add(path);
        }

        var results = await SubstituteAsync(top.Path, new string('0', 32));

        Assert.Equal([Outcome.Substituted, Outcome.NotFound], results.Select(result => result.Outcome));
        using var cache = new CacheClient(_server);
        foreach (var path in (SamplePath[])[top, left, right, bottom])
        {
            Assert.Equal(path.NarHash, path.HashOf(await _server.Data.ReadAllAsync(path)));
            Assert.True((await cache.GetNarInfoAsync(path.Path)).Info.IsSignedByAny(StoreDirectory.Default, [_upstream.Key.PublicKey]));
        }

        Assert.Equal(4, _upstream.NarRequests);
        Assert.Equal(Outcome.AlreadyValid, (await SubstituteAsync(top.Path)).Single().Outcome);
        Assert.Equal(4, _upstream.NarRequests);
    }

    [Fact]
    public async Task ManyAskers_WaitForOneDownload()
    {
        var sample = CacheSamples.Create("wanted");
        _upstream.Add(sample);
        var gate = new TaskCompletionSource();
        _upstream.NarGate = gate.Task;

        using var impatient = new CancellationTokenSource();
        var request = Request(sample.Path.HashPart);
        var leaving = _server.Client.SubstituteAsync(request, null, impatient.Token);
        var askers = Enumerable.Range(0, 16).Select(_ => _server.Client.SubstituteAsync(request, null, TestServer.Cancellation)).ToArray();
        await Eventually.HoldsAsync(() => Task.FromResult(_upstream.NarRequests == 1), milliseconds: 10_000);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => leaving);
        gate.SetResult();

        foreach (var response in await Task.WhenAll(askers))
        {
            Assert.Contains(response.Results.Single().Outcome, (Outcome[])[Outcome.Substituted, Outcome.AlreadyValid]);
        }

        Assert.Equal(1, _upstream.NarRequests);
    }

    [Fact]
    public async Task LyingCache_IsLeftOut_AndTheNextOneIsAsked()
    {
        using var honest = new FakeUpstream();
        var sample = CacheSamples.Create("contested");
        var other = CacheSamples.Create("other");
        _upstream.Add(sample, nar: other.ToNar());
        honest.Add(sample);
        Assert.Equal(Outcome.Failed, (await SubstituteAsync(sample.Path)).Single().Outcome);

        // It is not even asked for a while, and the log has one line of it.
        _upstream.Add(other);
        Assert.Equal(Outcome.NotFound, (await SubstituteAsync(other.Path)).Single().Outcome);
        Assert.Single(_server.Log.Split('\n'), line => line.Contains(_upstream.Url + " is left out", StringComparison.Ordinal));

        await ConfigureAsync(honest);
        await Eventually.HoldsAsync(async () => (await SubstituteAsync(sample.Path)).Single().Outcome == Outcome.Substituted, milliseconds: 10_000);
        Assert.Equal(sample.NarHash, sample.HashOf(await _server.Data.ReadAllAsync(sample)));
    }

    [Theory]
    [InlineData("status")]
    [InlineData("dead")]
    [InlineData("nonsense")]
    [InlineData("another path")]
    [InlineData("elsewhere")]
    [InlineData("too long")]
    [InlineData("unknown compression")]
    [InlineData("missing reference")]
    public async Task CacheThatMisbehaves_FailsOnlyWhatIsNotHere(string how)
    {
        var local = CacheSamples.Create("local");
        await _server.RegisterAllAsync(local);
        var sample = CacheSamples.Create("remote", how == "missing reference" ? [CacheSamples.Create("nowhere").Path] : []);
        switch (how)
        {
            case "status":
                _upstream.Status = 500;
                break;
            case "dead":
                _upstream.Dispose();
                break;
            case "nonsense":
                _upstream.Add(sample, change: info => info with { Url = "" });
                break;
            case "another path":
                _upstream.Add(sample, change: info => (info with { Info = info.Info with { Path = local.Path } }));
                break;
            case "elsewhere":
                _upstream.Add(sample, change: info => info with { Url = "http://127.0.0.1:1/nar" });
                break;
            case "too long":
                _upstream.Add(sample, nar: SamplePath.CreateRandom("long", 1, 5_000_000).ToNar());
                break;
            case "unknown compression":
                _upstream.Add(sample, change: info => info with { Compression = "lrzip" });
                break;
            default:
                _upstream.Add(sample);
                break;
        }

        var results = await SubstituteAsync(local.Path, sample.Path.HashPart);

        Assert.Equal(Outcome.AlreadyValid, results[0].Outcome);
        Assert.Contains(results[1].Outcome, (Outcome[])[Outcome.Failed, Outcome.NotFound]);
        Assert.DoesNotContain('\n', results[1].Message);
        using var cache = new CacheClient(_server);
        Assert.Equal(HttpStatusCode.NotFound, await cache.HeadAsync(sample.Path.HashPart + ".narinfo"));
        Assert.DoesNotContain("error", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RingOfReferences_EndsInAFailure()
    {
        var one = SamplePath.Create("one", FakeTree.File("1"));
        var two = SamplePath.Create("two", FakeTree.File("2"), one.Path);
        _upstream.Add(two);
        _upstream.Add(SamplePath.Create(one.Path, FakeTree.File("1"), two.Path));
        Assert.Equal(Outcome.Failed, (await SubstituteAsync(one.Path)).Single().Outcome);
    }

    private async Task ConfigureAsync(FakeUpstream upstream) => await _server.UseMetadataAsync(async metadata =>
    {
        var store = (await metadata.FindStoreAsync("main", TestServer.Cancellation))!;
        await metadata.ChangeUpstreamsAsync(store.Id, new([upstream.Url], [upstream.Key.PublicKey.ToString()]), UpstreamSettings.None, TestServer.Cancellation);
        return true;
    });

    private async Task<QuerySubstitutableResponse> QueryAsync(params string[] hashParts)
    {
        var request = new QuerySubstitutableRequest { Store = "main" };
        request.HashParts.AddRange(hashParts);
        return await _server.Client.QuerySubstitutableAsync(request, null, TestServer.Cancellation);
    }

    private static SubstituteRequest Request(params string[] hashParts)
    {
        var request = new SubstituteRequest { Store = "main" };
        request.HashParts.AddRange(hashParts);
        return request;
    }

    private async Task<IReadOnlyList<SubstituteResult>> SubstituteAsync(StorePath path, params string[] more) =>
        (await _server.Client.SubstituteAsync(Request([path.HashPart, .. more]), null, TestServer.Cancellation)).Results;
}
