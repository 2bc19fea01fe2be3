using System.Net;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
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
        await Eventually.HoldsAsync(() => Task.FromResult(_upstream.NarRequests == 1));
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
    public async Task WrongPath_ConcernsNoOther_AndTheNextCacheIsAsked()
    {
        using var honest = new FakeUpstream();
        var sample = CacheSamples.Create("contested");
        var other = CacheSamples.Create("other");
        _upstream.Add(sample, nar: other.ToNar());
        honest.Add(sample);
        Assert.Equal(Outcome.Failed, (await SubstituteAsync(sample.Path)).Single().Outcome);

        // The file is not fetched again for a while, and the log has one line of it.
        var requests = _upstream.NarRequests;
        Assert.NotEqual(Outcome.Substituted, (await SubstituteAsync(sample.Path)).Single().Outcome);
        Assert.Equal(requests, _upstream.NarRequests);
        Assert.Single(_server.Log.Split('\n'), line => line.Contains(_upstream.Url + " cannot give the path " + sample.Path.HashPart, StringComparison.Ordinal));
        _upstream.Add(other);
        Assert.Equal(Outcome.Substituted, (await SubstituteAsync(other.Path)).Single().Outcome);

        await ConfigureAsync(honest);
        await Eventually.HoldsAsync(async () => (await SubstituteAsync(sample.Path)).Single().Outcome == Outcome.Substituted);
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
                _upstream.Add(sample, compression: NarCompression.Brotli, change: info => info with { Compression = "lrzip" });
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

    [Theory]
    [InlineData("narinfo", 503, null)]
    [InlineData("narinfo", 429, "1")]
    [InlineData("narinfo", 500, null)]
    [InlineData("narinfo", 0, null)]
    [InlineData("cache-info", 503, "0")]
    [InlineData("cache-info", 0, null)]
    [InlineData("nar", 503, null)]
    [InlineData("nar", 0, null)]
    [InlineData("nar", 200, null)]
    public async Task FaultOfAMoment_IsTriedAgain(string what, int status, string? retryAfter)
    {
        var sample = CacheSamples.Create("wanted");
        _upstream.Add(sample);
        _upstream.Intercept = (context, name, asked) =>
        {
            if (asked > 1 || !name.Contains(what, StringComparison.Ordinal) || (what == "nar" && !name.StartsWith("nar/", StringComparison.Ordinal)))
            {
                return false;
            }

            if (status == 0)
            {
                context.Response.ContentLength64 = 1_000_000;
                context.Response.Abort();
                return true;
            }

            context.Response.StatusCode = status;
            if (retryAfter is not null)
            {
                context.Response.AddHeader("Retry-After", retryAfter);
            }

            if (status == 200)
            {
                var file = _upstream.FileOf(name);
                context.Response.ContentLength64 = file.Length;
                context.Response.OutputStream.Write(file, 0, file.Length / 2);
                context.Response.Abort();
            }

            return true;
        };

        Assert.Equal((Outcome.Substituted, ""), (await SubstituteAsync(sample.Path)).Select(result => (result.Outcome, result.Message)).Single());
        Assert.DoesNotContain(_upstream.Url + " cannot", _server.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NarCompression.None)]
    [InlineData(NarCompression.Xz)]
    [InlineData(NarCompression.Bzip2)]
    [InlineData(NarCompression.Zstd)]
    [InlineData(NarCompression.Gzip)]
    [InlineData(NarCompression.Lz4)]
    [InlineData(NarCompression.Lzma)]
    [InlineData(NarCompression.Lzip)]
    [InlineData(NarCompression.Brotli)]
    [InlineData(NarCompression.Compress)]
    public async Task EveryCompression_IsRead(NarCompression compression)
    {
        var sample = CacheSamples.Create("compressed");
        _upstream.Add(sample, compression: compression);
        Assert.Equal((Outcome.Substituted, ""), (await SubstituteAsync(sample.Path)).Select(result => (result.Outcome, result.Message)).Single());
        Assert.Equal(sample.NarHash, sample.HashOf(await _server.Data.ReadAllAsync(sample)));
    }

    [Theory]
    [InlineData(NarCompression.Zstd, true)]
    [InlineData(NarCompression.Zstd, false)]
    [InlineData(NarCompression.Lz4, true)]
    [InlineData(NarCompression.Lz4, false)]
    public async Task FramesWithoutContent_AreSkipped(NarCompression compression, bool isFirst)
    {
        var sample = CacheSamples.Create("framed");
        byte[] skippable = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        var empty = CacheClient.Compress(compression, []);
        _upstream.Add(sample, compression: compression, changeFile: file => isFirst
            ? [.. skippable, .. empty, .. skippable, .. file, .. empty, .. skippable]
            : [.. empty, .. skippable, .. file, .. skippable, .. empty]);
        Assert.Equal((Outcome.Substituted, ""), (await SubstituteAsync(sample.Path)).Select(result => (result.Outcome, result.Message)).Single());
    }

    [Theory]
    [InlineData(NarCompression.Zstd, 0)]
    [InlineData(NarCompression.Zstd, 1000)]
    [InlineData(NarCompression.Lz4, 0)]
    [InlineData(NarCompression.Lz4, 1000)]
    public async Task SkippableFrameOfAnyLength_StandsInFrontOfEither(NarCompression compression, int length)
    {
        var sample = CacheSamples.Create("framed");
        byte[] skippable = [0x5F, 0x2A, 0x4D, 0x18, .. BitConverter.GetBytes(length), .. new byte[length]];
        _upstream.Add(sample, compression: compression, changeFile: file => [.. skippable, .. skippable, .. file]);
        Assert.Equal((Outcome.Substituted, ""), (await SubstituteAsync(sample.Path)).Select(result => (result.Outcome, result.Message)).Single());
    }

    [Theory]
    [InlineData("gzip", NarCompression.Gzip)]
    [InlineData("zstd", NarCompression.Zstd)]
    [InlineData("br", NarCompression.Brotli)]
    [InlineData("xz", NarCompression.Xz)]
    public async Task NarInfoWithContentEncoding_IsDecoded(string encoding, NarCompression compression)
    {
        var sample = CacheSamples.Create("encoded");
        _upstream.Add(sample);
        _upstream.Intercept = (context, name, _) =>
        {
            if (!name.EndsWith(".narinfo", StringComparison.Ordinal))
            {
                return false;
            }

            context.Response.AddHeader("Content-Encoding", encoding);
            context.Response.OutputStream.Write(CacheClient.Compress(compression, _upstream.FileOf(name)));
            return true;
        };
        Assert.Equal((Outcome.Substituted, ""), (await SubstituteAsync(sample.Path)).Select(result => (result.Outcome, result.Message)).Single());
    }

    [Fact]
    public async Task SignatureOfAnUnknownForm_IsPassedOver()
    {
        var sample = CacheSamples.Create("signed");
        _upstream.Add(sample, changeText: text => text.Replace("Sig: ", "Sig: odd\nSig: a:b:c\nSig: ", StringComparison.Ordinal));
        Assert.Equal((Outcome.Substituted, ""), (await SubstituteAsync(sample.Path)).Select(result => (result.Outcome, result.Message)).Single());
    }

    [Fact]
    public async Task CacheThatCannotBeReached_Rests_AndSaysSoOnce()
    {
        _upstream.Status = 503;
        Assert.Equal(Outcome.NotFound, (await SubstituteAsync(CacheSamples.Create("one").Path)).Single().Outcome);
        var asked = _upstream.Requests.Values.Sum();
        var result = (await SubstituteAsync(CacheSamples.Create("two").Path)).Single();
        Assert.Contains("could not be reached", result.Message, StringComparison.Ordinal);
        Assert.Equal(asked, _upstream.Requests.Values.Sum());
        Assert.Single(_server.Log.Split('\n'), line => line.Contains(_upstream.Url + " cannot be reached", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PlainHttpClient_GetsWhatIsUpstream()
    {
        var below = CacheSamples.Create("below");
        var sample = CacheSamples.Create("wanted", below.Path);
        _upstream.Add(below);
        _upstream.Add(sample);
        using var cache = new CacheClient(_server);
        Assert.Equal(HttpStatusCode.OK, await cache.HeadAsync(sample.Path.HashPart + ".narinfo"));
        var info = await cache.GetNarInfoAsync(sample.Path);
        Assert.Equal(sample.ToNar(), CacheClient.Decompress(NarCompression.Zstd, (await cache.GetAsync(info.Url)).Body));
        Assert.Equal(below.NarHash, (await cache.GetNarInfoAsync(below.Path)).Info.NarHash);
        Assert.Equal(HttpStatusCode.NotFound, await cache.HeadAsync(new string('0', 32) + ".narinfo"));
        Assert.Equal(HttpStatusCode.NotFound, (await cache.GetAsync(new string('0', 32) + ".narinfo")).Status);
        Assert.Equal(2, _upstream.NarRequests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CacheThatAsksForAPassword_GetsIt_AndNothingShowsIt(bool inUrl)
    {
        const string Password = "se:cr@t /1";
        var folder = Directory.CreateTempSubdirectory("nixfuse-netrc-");
        try
        {
            var netrc = Path.Combine(folder.FullName, "netrc");
            await File.WriteAllTextAsync(netrc, $"machine elsewhere login x password y\nmachine 127.0.0.1\n  login me password \"{Password}\"\n", TestServer.Cancellation);
            await using var server = await TestServer.StartAsync(netrcFile: inUrl ? null : netrc);
            var sample = CacheSamples.Create("private");
            _upstream.Add(sample);
            var expected = "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes("me:" + Password));
            _upstream.Intercept = (context, _, _) =>
            {
                context.Response.StatusCode = 401;
                return context.Request.Headers["Authorization"] != expected;
            };
            var url = inUrl ? _upstream.Url.Replace("//", "//me:" + Uri.EscapeDataString(Password) + "@", StringComparison.Ordinal) : _upstream.Url;
            await ConfigureAsync(server, url, _upstream);

            var results = (await server.Client.SubstituteAsync(Request(sample.Path.HashPart), null, TestServer.Cancellation)).Results;

            Assert.Equal((Outcome.Substituted, ""), (results.Single().Outcome, results.Single().Message));
            Assert.Contains("fetched", server.Log, StringComparison.Ordinal);
            Assert.DoesNotContain("cr@t", server.Log, StringComparison.Ordinal);
            Assert.DoesNotContain("cr%40t", server.Log, StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task WhatACacheSays_IsEscaped_InLogAndMessages()
    {
        var sample = CacheSamples.Create("nasty");
        _upstream.Add(sample, changeText: static text => text.Replace("NarSize: ", "NarSize: \u001b[31m\u0007", StringComparison.Ordinal));
        using var cache = new CacheClient(_server);
        var (status, body) = await cache.GetAsync(sample.Path.HashPart + ".narinfo");
        Assert.Equal(HttpStatusCode.NotFound, status);
        var message = System.Text.Encoding.UTF8.GetString(body);
        Assert.Contains("\\x1b[31m\\x07", message, StringComparison.Ordinal);
        Assert.Contains("\\x1b[31m\\x07", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', message + _server.Log);
        Assert.DoesNotContain('\u0007', message + _server.Log);
    }

    [Fact]
    public async Task Redirects_AreFollowed_ButNotWithoutEnd()
    {
        var sample = CacheSamples.Create("moved");
        _upstream.Add(sample);
        _upstream.Intercept = (context, name, _) =>
        {
            var hops = context.Request.QueryString["hops"] is { } text ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : 0;
            if (!name.StartsWith("nar/", StringComparison.Ordinal) || hops == 3)
            {
                return false;
            }

            context.Response.StatusCode = 302;
            context.Response.RedirectLocation = $"/{name}?hops={hops + 1}";
            return true;
        };
        Assert.Equal((Outcome.Substituted, ""), (await SubstituteAsync(sample.Path)).Select(result => (result.Outcome, result.Message)).Single());

        var endless = CacheSamples.Create("endless");
        _upstream.Add(endless);
        _upstream.Intercept = (context, name, _) =>
        {
            context.Response.StatusCode = 301;
            context.Response.RedirectLocation = "/" + name;
            return name.StartsWith("nar/", StringComparison.Ordinal);
        };
        Assert.Contains("redirects more than", (await SubstituteAsync(endless.Path)).Single().Message, StringComparison.Ordinal);
        Assert.DoesNotContain("cannot be reached", _server.Log, StringComparison.Ordinal);
    }

    private static Task<bool> ConfigureAsync(TestServer server, string url, FakeUpstream upstream) => server.UseMetadataAsync(async metadata =>
    {
        var store = (await metadata.FindStoreAsync("main", TestServer.Cancellation))!;
        await metadata.ChangeUpstreamsAsync(store.Id, new([url], [upstream.Key.PublicKey.ToString()]), UpstreamSettings.None, TestServer.Cancellation);
        return true;
    });

    private Task<bool> ConfigureAsync(FakeUpstream upstream) => ConfigureAsync(_server, upstream.Url, upstream);

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
