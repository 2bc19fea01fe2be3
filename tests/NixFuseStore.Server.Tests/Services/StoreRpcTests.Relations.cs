using System.Text;
using Google.Protobuf;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

public abstract partial class StoreRpcTests
{
    private static readonly string OutputId = $"sha256:{new string('a', 64)}!out";

    [Fact]
    public async Task QueryReferrers_OfPathsWithAndWithout()
    {
        var bottom = SamplePath.CreateRandom("bottom", 1, 10);
        var top = SamplePath.CreateRandom("top", 1, 10, bottom.Path);
        await _server.RegisterAllAsync(bottom, top);
        var request = new QueryReferrersRequest { Store = "main" };
        request.BaseNames.AddRange([bottom.Path.BaseName, top.Path.BaseName, Nothing]);

        var messages = await CollectAsync(_server.Client.QueryReferrersAsync(request));

        var related = Assert.Single(Assert.Single(messages).Paths);
        Assert.Equal((bottom.Path.BaseName, top.Path.BaseName), (related.BaseName, Assert.Single(related.Related)));

        request.BaseNames.Add("x");
        await IsInvalidAsync(() => CollectAsync(_server.Client.QueryReferrersAsync(request)));
        var many = new QueryReferrersRequest { Store = "main" };
        many.BaseNames.AddRange(Enumerable.Repeat(Nothing, 1_001));
        await IsInvalidAsync(() => CollectAsync(_server.Client.QueryReferrersAsync(many)));
    }

    [Fact]
    public async Task AddSignatures_ShowInTheRecord()
    {
        var sample = SamplePath.CreateRandom("signed", 1, 10);
        await _server.RegisterAllAsync(sample);
        var request = new AddSignaturesRequest { Store = "main" };
        request.Paths.Add(SignaturesOf(sample.Path.BaseName, "cache-1:" + Convert.ToBase64String(new byte[64])));
        request.Paths.Add(SignaturesOf(Nothing, "cache-1:" + Convert.ToBase64String(new byte[64])));

        Assert.Equal([Nothing], (await _server.Client.AddSignaturesAsync(request)).NotValid);
        Assert.Equal([Nothing], (await _server.Client.AddSignaturesAsync(request)).NotValid);
        Assert.Single(Assert.Single(await QueryAsync(sample)).Signatures, signature => signature.StartsWith("cache-1:", StringComparison.Ordinal));

        request.Paths.Add(SignaturesOf(sample.Path.BaseName, "no signature"));
        await IsInvalidAsync(() => _server.Client.AddSignaturesAsync(request));
    }

    [Fact]
    public async Task Realisations_FirstStays_AndStrangersAreRefused()
    {
        var first = $$"""{"dependentRealisations":{},"id":"{{OutputId}}","outPath":"{{Nothing}}","signatures":[]}""";
        var second = $$"""{"id":"{{OutputId}}","outPath":"{{Nothing}}"}""";
        Assert.Equal(first, Assert.Single((await AddAsync(OutputId, first)).Realisations).Json);
        Assert.Equal(first, Assert.Single((await AddAsync(OutputId, second)).Realisations).Json);

        var query = new QueryRealisationsRequest { Store = "main" };
        query.Ids.AddRange([OutputId, OutputId.Replace("aa", "bb", StringComparison.Ordinal)]);
        Assert.Equal((OutputId, first), (await _server.Client.QueryRealisationsAsync(query)).Realisations.Select(item => (item.Id, item.Json)).Single());
        query.Ids.Add("sha256:abc!out");
        await IsInvalidAsync(() => _server.Client.QueryRealisationsAsync(query));

        string[] wrong = ["", "[]", "{}", "{", second.Replace("out\"", "dev\"", StringComparison.Ordinal), second.Replace(Nothing, "../x", StringComparison.Ordinal), second + new string(' ', 70_000)];
        foreach (var json in wrong)
        {
            await IsInvalidAsync(() => AddAsync(OutputId, json));
        }

        await IsInvalidAsync(() => AddAsync("sha256:x!out", second));
    }

    [Fact]
    public async Task BuildLog_ComesBackAsItWent_FirstStays()
    {
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 50_000).Select(i => $"line {i}\n")));
        const string Derivation = Nothing + ".drv";
        Assert.False((await _server.Client.GetBuildLogAsync(new GetBuildLogRequest { Store = "main", BaseName = Derivation })).Found);

        Assert.True((await _server.Client.PutBuildLogAsync(LogOf(Derivation, text))).Stored);
        Assert.False((await _server.Client.PutBuildLogAsync(LogOf(Derivation, [1]))).Stored);

        var log = await _server.Client.GetBuildLogAsync(new GetBuildLogRequest { Store = "main", BaseName = Derivation });
        var plain = new byte[log.PlainLength];
        Assert.True(log.Found && Zstd.TryDecompress(log.Zstd.Span, plain, out _));
        Assert.Equal(text, plain);
    }

    [Fact]
    public async Task PutBuildLog_WhatIsNoLog_InvalidArgument()
    {
        var good = LogOf(Nothing + ".drv", new byte[1_000]);
        var wrong = Enumerable.Range(0, 5).Select(_ => good.Clone()).ToArray();
        wrong[0].BaseName = Nothing;
        wrong[1].PlainLength = 999;
        wrong[2].PlainLength = uint.MaxValue;
        wrong[3].Zstd = ByteString.CopyFrom(good.Zstd.Span[..^1]);
        wrong[4].Zstd = ByteString.CopyFrom([.. good.Zstd.Span, .. good.Zstd.Span]);
        foreach (var request in wrong)
        {
            await IsInvalidAsync(() => _server.Client.PutBuildLogAsync(request));
        }

        Assert.False((await _server.Client.GetBuildLogAsync(new GetBuildLogRequest { Store = "main", BaseName = good.BaseName })).Found);
    }

    private static PathSignatures SignaturesOf(string baseName, string signature)
    {
        var message = new PathSignatures { BaseName = baseName };
        message.Signatures.Add(signature);
        return message;
    }

    private Task<AddRealisationsResponse> AddAsync(string id, string json)
    {
        var request = new AddRealisationsRequest { Store = "main" };
        request.Realisations.Add(new Realisation { Id = id, Json = json });
        return _server.Client.AddRealisationsAsync(request);
    }

    private static PutBuildLogRequest LogOf(string derivation, byte[] text) => new()
    {
        Store = "main",
        BaseName = derivation,
        PlainLength = (uint)text.Length,
        Zstd = ByteString.CopyFrom(Zstd.Compress(text, 3)),
    };
}
