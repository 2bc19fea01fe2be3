using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>Reports of use over real sockets.</summary>
public sealed class UseRpcTests : IAsyncLifetime
{
    private readonly SamplePath _sample = SamplePath.CreateRandom("used", 3, 200_000);
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        await _server.RegisterAllAsync(_sample);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task ReportUse_ThenGetClosure_TellsThoseWhoAsk()
    {
        await _server.Client.ReportUseAsync(Report(_sample.Manifest.Digest.ToArray(), [1, 2, 5, 1]));

        Assert.Equal([1u, 2u, 5u, 1u], await UsedAsync(ask: true));
        Assert.Empty(await UsedAsync(ask: false));
    }

    [Fact]
    public async Task ReportUse_OfAPathThatVanished_ChangesNothing()
    {
        await _server.Client.RevokePathsAsync(new RevokePathsRequest { Store = "main", BaseNames = { _sample.Path.BaseName } });
        await _server.Client.ReportUseAsync(Report(_sample.Manifest.Digest.ToArray(), [0, 1]));
        await _server.RegisterAllAsync(_sample);

        Assert.Empty(await UsedAsync(ask: true));
    }

    /// <summary>Pairs that are none, do not ascend, touch, are empty, or leave the range of ordinals.</summary>
    [Theory]
    [InlineData(1u)]
    [InlineData(0u, 0u)]
    [InlineData(4u, 1u, 2u, 1u)]
    [InlineData(0u, 2u, 2u, 1u)]
    [InlineData(0u, 2u, 1u, 4u)]
    [InlineData(5u, 2147483647u)]
    [InlineData(4294967295u, 4294967295u)]
    public async Task ReportUse_Nonsense_IsRefusedAndNothingKept(params uint[] runs)
    {
        var request = Report(_sample.Manifest.Digest.ToArray(), [0, 1]);
        request.Paths.Add(Report(_sample.Manifest.Digest.ToArray(), runs).Paths);

        await RefusedAsync(request);
    }

    [Fact]
    public async Task ReportUse_TooMuchOrNoDigest_IsRefusedAndNothingKept()
    {
        await RefusedAsync(Report([1, 2, 3], [0, 1]));
        await RefusedAsync(Report(_sample.Manifest.Digest.ToArray(), [.. Enumerable.Range(0, 40_000).SelectMany(i => (uint[])[(uint)i * 2, 1])]));
        var many = new ReportUseRequest { Store = "main" };
        many.Paths.AddRange(Enumerable.Range(0, 1_001).Select(_ => Report(_sample.Manifest.Digest.ToArray(), [0, 1]).Paths[0]));
        await RefusedAsync(many);
    }

    [Fact]
    public async Task ReportUse_OrdinalsThatTheManifestLacks_ArePassedOver()
    {
        await _server.Client.ReportUseAsync(Report(_sample.Manifest.Digest.ToArray(), [2, 1, 1_000_000, 50]));
        Assert.Equal([2u, 1u], await UsedAsync(ask: true));
    }

    private static ReportUseRequest Report(byte[] digest, uint[] runs)
    {
        var use = new PathUse { ManifestDigest = ByteString.CopyFrom(digest) };
        use.Chunks.AddRange(runs);
        return new ReportUseRequest { Store = "main", Paths = { use } };
    }

    private async Task RefusedAsync(ReportUseRequest request)
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => _server.Client.ReportUseAsync(request));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        Assert.Empty(await UsedAsync(ask: true));
    }

    private async Task<IReadOnlyList<uint>> UsedAsync(bool ask)
    {
        var items = new List<ClosureItem>();
        var request = new GetClosureRequest { Store = "main", HashParts = { _sample.Path.HashPart }, WithUsedChunks = ask };
        await foreach (var response in _server.Client.GetClosureAsync(request, null, TestServer.Cancellation))
        {
            items.AddRange(response.Items);
        }

        return items.Single().UsedChunks;
    }
}
