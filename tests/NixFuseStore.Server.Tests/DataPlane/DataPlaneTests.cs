using System.Net;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.DataPlane;

public sealed class DataPlaneTests : IAsyncLifetime
{
    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Read_RangesOfManyManifests_FramesInTheOrderAskedFor()
    {
        var a = SamplePath.CreateRandom("a", 4, 600_000);
        var b = SamplePath.CreateRandom("b", 4, 600_000);
        await RegisterUploadedAsync(a, b);
        Assert.True(a.ChunkList.Count > 6);
        var request = DataPlaneHelp.AskFor(b, 3, 2, 0, 1);
        request.Manifests.Add(DataPlaneHelp.AskFor(a, 5, 1, 5, 1, 1, 3).Manifests[0]);
        var frames = await _server.Data.ReadAsync(request);
        Assert.Equal(
            [(0u, 3u), (0u, 4u), (0u, 0u), (1u, 5u), (1u, 5u), (1u, 1u), (1u, 2u), (1u, 3u)],
            frames.Select(frame => (frame.Header.ManifestIndex, frame.Header.Ordinal)));
        Assert.All(frames, frame => DataPlaneHelp.Decode(frame.Header.ManifestIndex == 0 ? b : a, frame));
    }

    [Fact]
    public async Task Read_UnknownManifestAndOrdinal_FailOnlyTheirFrames()
    {
        var a = SamplePath.CreateRandom("a", 1, 1000);
        var stranger = SamplePath.CreateRandom("b", 1, 1000);
        await RegisterUploadedAsync(a);
        var request = DataPlaneHelp.AskFor(a, 0, 2);
        request.Manifests.Add(DataPlaneHelp.AskFor(stranger, 0, 1).Manifests[0]);
        request.Manifests.Add(DataPlaneHelp.AskFor(a, 0, 1, uint.MaxValue - 1, 1).Manifests[0]);
        var frames = await _server.Data.ReadAsync(request);
        Assert.Equal(
            [FrameStatus.Ok, FrameStatus.NoSuchOrdinal, FrameStatus.NoSuchManifest, FrameStatus.Ok, FrameStatus.NoSuchOrdinal],
            frames.Select(frame => frame.Header.Status));
        DataPlaneHelp.Decode(a, frames[3]);
    }

    [Fact]
    public async Task Read_DamagedPack_OnlyItsFramesAreUnreadable()
    {
        var a = SamplePath.CreateRandom("a", 1, 1000);
        await RegisterUploadedAsync(a);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(_server.Storage.DataDirectory, "packs"), "*", SearchOption.AllDirectories))
        {
            if (!Path.GetFileName(file).Contains('.', StringComparison.Ordinal))
            {
                using var pack = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                pack.SetLength(0);
            }
        }

        var frame = (await _server.Data.ReadAsync(DataPlaneHelp.AskFor(a, 0, 1))).Single();
        Assert.Equal(FrameStatus.Unreadable, frame.Header.Status);
        Assert.Contains($"is damaged: {a.Path.BaseName} needs it", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_TooManyChunks_IsRefused()
    {
        var a = SamplePath.CreateRandom("a", 1, 1000);
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => _server.Data.ReadAsync(DataPlaneHelp.AskFor(a, 0, uint.MaxValue)));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        e = await Assert.ThrowsAsync<DataPlaneException>(() => _server.Data.ReadAsync(DataPlaneHelp.AskFor(a, uint.MaxValue, 2)));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
    }

    [Fact]
    public async Task Read_GarbageBody_IsRefused()
    {
        using var http = new HttpClient();
        var response = await http.PostAsync(new Uri(_server.Address, "/data/v1/main/chunks/read"), new ByteArrayContent([0xff, 0xff, 0xff, 0xff, 0xff]));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("cannot be read", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_Chunks_SameFramesAndMayBeKeptForEver()
    {
        var a = SamplePath.CreateRandom("a", 3, 600_000);
        await RegisterUploadedAsync(a);
        using var http = new HttpClient();
        var response = await http.GetAsync(new Uri(_server.Address, $"/data/v1/main/manifests/{a.Manifest.Digest}/chunks/1-3"));
        Assert.True(response.Headers.CacheControl is { Public: true, MaxAge.TotalDays: >= 365 });
        Assert.Contains("immutable", response.Headers.CacheControl.ToString(), StringComparison.Ordinal);
        var expected = new MemoryStream();
        foreach (var (header, payload) in await _server.Data.ReadAsync(DataPlaneHelp.AskFor(a, 1, 3)))
        {
            var bytes = new byte[FrameHeader.Size];
            header.Write(bytes);
            expected.Write(bytes);
            expected.Write(payload);
        }

        Assert.Equal(expected.ToArray(), await response.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("0-100000", HttpStatusCode.NotFound)]
    [InlineData("3-1", HttpStatusCode.BadRequest)]
    [InlineData("x-1", HttpStatusCode.BadRequest)]
    [InlineData("1", HttpStatusCode.BadRequest)]
    [InlineData("0-4294967295", HttpStatusCode.BadRequest)]
    public async Task Get_RangeThatIsNotThere_IsNeverKept(string range, HttpStatusCode expected)
    {
        var a = SamplePath.CreateRandom("a", 1, 1000);
        await RegisterUploadedAsync(a);
        using var http = new HttpClient();
        var response = await http.GetAsync(new Uri(_server.Address, $"/data/v1/main/manifests/{a.Manifest.Digest}/chunks/{range}"));
        Assert.Equal(expected, response.StatusCode);
        Assert.Null(response.Headers.CacheControl);
    }

    [Fact]
    public async Task Upload_Again_StoresNothingTwice()
    {
        var chunks = Enumerable.Range(0, 2000).Select(i => Encoding.UTF8.GetBytes($"chunk {i}")).ToArray();
        var first = await _server.Data.UploadAsync(chunks);
        Assert.Equal((2000u, 2000u), (first.Received, first.Stored));
        var second = await _server.Data.UploadAsync(chunks);
        Assert.Equal((2000u, 0u, 0ul), (second.Received, second.Stored, second.StoredBytes));
    }

    [Fact]
    public async Task Upload_MoreThanOneGroup_AllArrives()
    {
        var sample = SamplePath.CreateRandom("big", 20, 1 << 20);
        await RegisterUploadedAsync(sample);
        Assert.Equal(sample.NarHash, sample.HashOf(await _server.Data.ReadAllAsync(sample)));
    }

    [Theory]
    [InlineData(ChunkEncoding.Plain)]
    [InlineData(ChunkEncoding.Zstd)]
    public async Task Upload_OtherBytesThanTheIdSays_IsRefusedAndNotStored(ChunkEncoding encoding)
    {
        var plain = Encoding.UTF8.GetBytes(new string('a', 1000));
        var stored = encoding == ChunkEncoding.Zstd ? Native.Compression.Zstd.Compress(plain, 3) : plain;
        var lie = ChunkId.Compute("something else"u8);
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => _server.Data.UploadChunksAsync(
            "main", async (writer, token) => await writer.WriteAsync(lie.ToArray(), encoding, plain.Length, stored, token), TestServer.Cancellation));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        Assert.Contains(lie.ToString(), e.Message, StringComparison.Ordinal);
        var missing = await _server.Client.FindMissingChunksAsync(
            new FindMissingChunksRequest { Store = "main", ChunkIds = ByteString.CopyFrom(lie.ToArray()) });
        Assert.Equal(1, missing.Missing[0]);
    }

    [Fact]
    public async Task Upload_FrameThatIsNoZstd_IsRefused()
    {
        var e = await Assert.ThrowsAsync<DataPlaneException>(() => _server.Data.UploadChunksAsync(
            "main", async (writer, token) => await writer.WriteAsync(new byte[32], ChunkEncoding.Zstd, 100, "no zstd frame"u8.ToArray(), token), TestServer.Cancellation));
        Assert.Contains("zstd", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Upload_BodyCutAnywhere_IsRefused()
    {
        var header = new byte[UploadFrameHeader.Size];
        var chunk = "chunk"u8.ToArray();
        new UploadFrameHeader(ChunkEncoding.Plain, 5, 5).Write(ChunkId.Compute(chunk).ToArray(), header);
        byte[] body = [.. header, .. chunk];
        using var http = new HttpClient();
        for (var length = 1; length < body.Length; length++)
        {
            var response = await http.PostAsync(new Uri(_server.Address, "/data/v1/main/chunks"), new ByteArrayContent(body, 0, length));
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        }
    }

    [Fact]
    public async Task Healthz_Plain_SaysOk()
    {
        using var http = new HttpClient();
        Assert.Equal("ok\n", await http.GetStringAsync(new Uri(_server.Address, "/healthz")));
    }

    private async Task RegisterUploadedAsync(params SamplePath[] samples)
    {
        foreach (var sample in samples)
        {
            await _server.Data.UploadAsync(sample.Chunks.Values);
            Assert.Equal(RegisterPathResult.Types.Outcome.Registered, (await _server.RegisterAsync(sample.ToMessage(inline: false))).Outcome);
        }
    }
}
