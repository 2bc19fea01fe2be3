using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using Xunit;

namespace NixFuseStore.Server.Tests.DataPlane;

public sealed class NarUploadTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task UploadNar_Whole_IsCutAsClientsCutItAndRegistersWithoutItsContent()
    {
        var a = SamplePath.CreateRandom("a", 3, 600_000);
        var nar = a.ToNar();

        var answer = await UploadNarAsync(nar, (ulong)nar.Length);

        Assert.Equal(a.NarHash.Digest.ToArray(), answer.NarHash.ToByteArray());
        Assert.Equal(a.NarSize, answer.NarSize);
        Assert.Equal(a.Manifest.Header.ToBytes(), answer.Draft.Path.ManifestHeader.ToByteArray());
        var claim = a.ToMessage(inline: false);
        claim.Sections.Clear();
        claim.Sections.AddRange(answer.Draft.Sections);
        Assert.Equal(RegisterPathResult.Types.Outcome.Registered, (await _server.RegisterAsync(claim)).Outcome);
        await _server.Data.ReadAllAsync(a);
    }

    [Fact]
    public async Task UploadNar_OfUnknownLength_IsTheSame()
    {
        var a = SamplePath.CreateRandom("a", 1, 300_000);
        var answer = await UploadNarAsync(a.ToNar(), bytes: null);
        Assert.Equal(a.Manifest.Header.ToBytes(), answer.Draft.Path.ManifestHeader.ToByteArray());
    }

    [Fact]
    public async Task UploadNar_AnotherThanIsClaimedLater_IsRefused()
    {
        var a = SamplePath.CreateRandom("a", 1, 300_000);
        var b = SamplePath.CreateRandom("b", 1, 300_000);
        var answer = await UploadNarAsync(a.ToNar(), bytes: null);
        var claim = b.ToMessage(inline: false);
        claim.Path.ManifestHeader = answer.Draft.Path.ManifestHeader;
        claim.Sections.Clear();
        claim.Sections.AddRange(answer.Draft.Sections);

        var result = await _server.RegisterAsync(claim);

        Assert.Equal(RegisterPathResult.Types.Outcome.Refused, result.Outcome);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    [InlineData(-8)]
    public async Task UploadNar_CutOff_IsRefused(int length)
    {
        var nar = SamplePath.CreateRandom("a", 2, 300_000).ToNar();
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => UploadNarAsync(nar.AsMemory(0, length < 0 ? nar.Length + length : length), bytes: null));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
    }

    [Fact]
    public async Task UploadNar_BytesBehindItsEndOrNoNar_IsRefused()
    {
        var nar = SamplePath.CreateRandom("a", 1, 1000).ToNar();
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => UploadNarAsync((byte[])[.. nar, 0], bytes: null));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        e = await Assert.ThrowsAsync<DataPlaneException>(() => UploadNarAsync(new byte[100_000], bytes: null));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
    }

    [Fact]
    public async Task UploadNar_WithoutTheRightToWrite_IsRefused()
    {
        var (token, _) = await _server.CreateTokenAsync(AccessRights.Read);
        using var data = _server.OpenData(token);
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => data.UploadNarAsync("main", (_, _) => Task.CompletedTask, 0, TestServer.Cancellation));
        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
    }

    private Task<UploadNarResponse> UploadNarAsync(ReadOnlyMemory<byte> nar, ulong? bytes) => _server.Data.UploadNarAsync(
        "main", (stream, cancellation) => stream.WriteAsync(nar, cancellation).AsTask(), bytes, TestServer.Cancellation);
}
