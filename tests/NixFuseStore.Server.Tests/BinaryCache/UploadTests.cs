using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.BinaryCache;

/// <summary>What stock Nix uploads becomes a path like any other.</summary>
public abstract class UploadTests(CacheTransport transport) : CacheTest(transport)
{
    internal override ServerLimits Limits => new() { ListingBytesMax = 1_000_000 };

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
    public async Task Upload_IsRegistered_AndItsUrlGoesOnWorking(NarCompression compression)
    {
        Assert.SkipWhen(compression == NarCompression.Bzip2 && !Bzip2.IsAvailable, "this host has no libbz2");
        var sample = CacheSamples.Create("upload");

        var (url, status, line) = await Cache.UploadAsync(sample, compression);

        Assert.Equal((HttpStatusCode.NoContent, ""), (status, line));
        Assert.Equal(HttpStatusCode.OK, await Cache.HeadAsync(url));
        Assert.Equal(sample.ToNar(), CacheClient.Decompress(compression, (await Cache.GetAsync(url)).Body));
        Assert.Equal(sample.NarHash, sample.HashOf(await Server.Data.ReadAllAsync(sample)));
        Assert.Equal(sample.ToNar(), CacheClient.Decompress(NarCompression.Zstd, (await Cache.GetAsync((await Cache.GetNarInfoAsync(sample.Path)).Url)).Body));
    }

    [Fact]
    public async Task Upload_BeforeItsNarInfo_IsThereForAskersButNotForReaders()
    {
        var file = CacheSamples.Create("draft").ToNar();
        var url = CacheClient.NameOf(file, NarCompression.None);
        Assert.Equal(HttpStatusCode.NotFound, await Cache.HeadAsync(url));
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.PutAsync(url, file)).Status);
        Assert.Equal(HttpStatusCode.OK, await Cache.HeadAsync(url));
        Assert.Equal(HttpStatusCode.NotFound, (await Cache.GetAsync(url)).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.PutAsync(url, file)).Status);
    }

    [Fact]
    public async Task SecondPathWithTheSameNar_NeedsNoSecondUpload()
    {
        var first = CacheSamples.Create("first");
        var (url, _, _) = await Cache.UploadAsync(first, NarCompression.Xz);
        var second = StorePath.Create(RandomNumberGenerator.GetBytes(20), "second");
        var info = await Cache.GetNarInfoAsync(first.Path) with { Url = url, Compression = "xz", FileHash = null, FileSize = 0 };

        var (status, line) = await Cache.PutAsync(
            second.HashPart + ".narinfo", (info with { Info = info.Info with { Path = second, Signatures = [] } }).Print(StoreDirectory.Default));

        Assert.Equal((HttpStatusCode.NoContent, ""), (status, line));
        Assert.Equal(first.ToNar(), CacheClient.Decompress(NarCompression.Zstd, (await Cache.GetAsync((await Cache.GetNarInfoAsync(second)).Url)).Body));
    }

    [Fact]
    public async Task NarInfoOfAValidPath_AddsSignatures()
    {
        var sample = CacheSamples.Create("signed");
        await Cache.UploadAsync(sample, NarCompression.Zstd);
        var key = NixSecretKey.Generate("somebody-1");
        var info = await Cache.GetNarInfoAsync(sample.Path);

        var signed = info with { Info = info.Info.WithSignature(StoreDirectory.Default, key) };
        Assert.Equal((HttpStatusCode.NoContent, ""), await Cache.PutAsync(sample.Path.HashPart + ".narinfo", signed.Print(StoreDirectory.Default)));

        await Eventually.HoldsAsync(
            async () => (await Cache.GetNarInfoAsync(sample.Path)).Info.IsSignedByAny(StoreDirectory.Default, [key.PublicKey]));
        Assert.Equal(2, (await Cache.GetNarInfoAsync(sample.Path)).Info.Signatures.Count);
    }

    [Fact]
    public async Task NarInfo_WithAnotherContentThanTheValidPath_Conflicts()
    {
        var sample = CacheSamples.Create("conflict");
        await Cache.UploadAsync(sample, NarCompression.None);
        var other = SamplePath.Create(sample.Path, Testing.Stores.FakeTree.File("other"));

        var (_, status, line) = await Cache.UploadAsync(other, NarCompression.None);

        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Contains(sample.NarHash.ToString(), line, StringComparison.Ordinal);
        Assert.Equal(sample.NarHash, (await Cache.GetNarInfoAsync(sample.Path)).Info.NarHash);
    }

    [Fact]
    public async Task NarInfo_ThatDoesNotHold_IsRefused()
    {
        var sample = CacheSamples.Create("wrong");
        var other = new NixHash(NixHashAlgorithm.Sha256, RandomNumberGenerator.GetBytes(32));
        var reference = StorePath.Create(RandomNumberGenerator.GetBytes(20), "nowhere");
        (string Expected, Func<NarInfo, NarInfo> Change)[] lies =
        [
            ("is not here", info => info with { Url = "nar/" + other.ToBase32() + ".nar" }),
            ("is none that", info => info with { Url = "../../etc/passwd" }),
            ("with hash", info => info with { Info = info.Info with { NarHash = other } }),
            ("bytes", info => info with { Info = info.Info with { NarSize = 1 } }),
            ("FileHash", info => info with { FileHash = other }),
            ("FileHash", info => info with { FileSize = 1 }),
            ("compressed with", info => info with { Compression = "xz" }),
            ("copy that first", info => info with { Info = info.Info with { References = [reference] } }),
            ("is that of", info => info with { Info = info.Info with { Path = reference } }),
            ("content address", info => info with { Info = info.Info with { ContentAddress = ContentAddress.Parse($"fixed:r:{other}") } }),
        ];
        foreach (var (expected, change) in lies)
        {
            var (_, status, line) = await Cache.UploadAsync(sample, NarCompression.None, change);
            Assert.Equal(HttpStatusCode.BadRequest, status);
            Assert.Contains(expected, line, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.NotFound, await Cache.HeadAsync(sample.Path.HashPart + ".narinfo"));
        }

        var text = CacheClient.NarInfoOf(sample, sample.ToNar(), NarCompression.None).Print(StoreDirectory.Default);
        foreach (var wrong in new[] { "", "nonsense", text.Replace("/nix/store", "/nix/stare", StringComparison.Ordinal), text.Replace("NarHash", "Narhash", StringComparison.Ordinal) })
        {
            var (status, _) = await Cache.PutAsync(sample.Path.HashPart + ".narinfo", wrong);
            Assert.Equal(HttpStatusCode.BadRequest, status);
        }

        var (bytes, _) = await Cache.PutAsync(sample.Path.HashPart + ".narinfo", [0xFF, 0xFE]);
        Assert.Equal(HttpStatusCode.BadRequest, bytes);
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
    public async Task FileThatIsNoNar_IsRefused(NarCompression compression)
    {
        Assert.SkipWhen(compression == NarCompression.Bzip2 && !Bzip2.IsAvailable, "this host has no libbz2");
        var nar = CacheSamples.Create("bad").ToNar();
        var whole = CacheClient.Compress(compression, nar);
        byte[][] files =
        [
            [],
            "neither NAR nor compressed"u8.ToArray(),
            whole[..(whole.Length / 2)],
            CacheClient.Compress(compression, nar[..^8]),
            CacheClient.Compress(compression, [.. nar, 0]),
            CacheClient.Compress(compression, "text"u8.ToArray()),
        ];
        foreach (var file in files)
        {
            var (status, line) = await Cache.PutAsync(CacheClient.NameOf(file, compression), file);
            Assert.Equal(HttpStatusCode.BadRequest, status);
            Assert.NotEmpty(line);
        }

        var (renamed, wrongHash) = await Cache.PutAsync($"nar/{NixBase32.Encode(new byte[32])}.nar" + (compression == NarCompression.Brotli ? ".br" : ""), whole);
        Assert.Equal(HttpStatusCode.BadRequest, renamed);
        Assert.Contains("not the one in its name", wrongHash, StringComparison.Ordinal);
        Assert.DoesNotContain("error", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClientThatLeavesInTheMiddle_LeavesNothing()
    {
        var nar = SamplePath.CreateRandom("half", 1, 3_000_000).ToNar();
        var url = CacheClient.NameOf(nar, NarCompression.None);
        using (var leaving = CancellationTokenSource.CreateLinkedTokenSource(TestServer.Cancellation))
        {
            using var half = new StallingContent(nar.AsMemory(0, 2_000_000), nar.Length);
            var upload = Cache.StartAsync(HttpMethod.Put, url, half, leaving.Token);
            await half.Stalled;
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => upload);
        }

        Assert.Equal(HttpStatusCode.NotFound, await Cache.HeadAsync(url));
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.PutAsync(url, nar)).Status);
        Assert.Equal(HttpStatusCode.OK, await Cache.HeadAsync(url));
        Assert.False(Server.Log.Contains("error", StringComparison.Ordinal), Server.Log);
    }

    [Fact]
    public async Task Log_IsKeptAsItFirstCame()
    {
        const string Name = "log/00000000000000000000000000000000-thing.drv";
        Assert.Equal(HttpStatusCode.NotFound, (await Cache.GetAsync(Name)).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.PutAsync(Name, "building\nbuilt\n")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.PutAsync(Name, "later")).Status);
        var (_, body) = await Cache.GetAsync(Name);
        Assert.Equal("building\nbuilt\n", Encoding.UTF8.GetString(body));
        Assert.Equal(HttpStatusCode.OK, await Cache.HeadAsync(Name));
        Assert.Equal(HttpStatusCode.BadRequest, (await Cache.PutAsync("log/nonsense", "x")).Status);
    }

    [Fact]
    public async Task CompressedBody_IsDecodedByItsContentEncoding()
    {
        const string Name = "log/00000000000000000000000000000000-coded.drv";
        using var content = new ByteArrayContent(CacheClient.Compress(NarCompression.Xz, "coded"u8.ToArray()));
        content.Headers.ContentEncoding.Add("xz");
        using (var response = await Cache.SendAsync(HttpMethod.Put, Name, content))
        {
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }

        Assert.Equal("coded", Encoding.UTF8.GetString((await Cache.GetAsync(Name)).Body));
        using var unknown = new ByteArrayContent([1]);
        unknown.Headers.ContentEncoding.Add("rot13");
        using var refused = await Cache.SendAsync(HttpMethod.Put, Name, unknown);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
    }

    [Fact]
    public async Task Realisation_FirstOneStays()
    {
        var id = $"sha256:{new string('a', 64)}!out";
        var json = $$"""{"dependentRealisations":{},"id":"{{id}}","outPath":"{{new string('0', 32)}}-one","signatures":[]}""";
        Assert.Equal(HttpStatusCode.NotFound, (await Cache.GetAsync($"realisations/{id}.doi")).Status);
        Assert.Equal((HttpStatusCode.NoContent, ""), await Cache.PutAsync($"realisations/{id}.doi", json));
        Assert.Equal(json, Encoding.UTF8.GetString((await Cache.GetAsync($"realisations/{id.Replace("!", "%21", StringComparison.Ordinal)}.doi")).Body));
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.PutAsync($"realisations/{id}.doi", json)).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await Cache.PutAsync($"realisations/{id}.doi", json.Replace("-one", "-two", StringComparison.Ordinal))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await Cache.PutAsync($"realisations/{id}.doi", "{}")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await Cache.PutAsync("realisations/x.doi", json)).Status);
    }

    [Fact]
    public async Task DebugInfo_IsKeptAndFound()
    {
        var id = new string('a', 40);
        const string Json = """{"archive":"../nar/x.nar.xz","member":"lib/debug/.build-id/aa/a.debug"}""";
        Assert.Equal(HttpStatusCode.NotFound, (await Cache.GetAsync("debuginfo/" + id)).Status);
        Assert.Equal((HttpStatusCode.NoContent, ""), await Cache.PutAsync("debuginfo/" + id, Json));
        Assert.Equal(HttpStatusCode.OK, await Cache.HeadAsync("debuginfo/" + id));
        Assert.Equal(Json, Encoding.UTF8.GetString((await Cache.GetAsync("debuginfo/" + id + ".debug")).Body));
        Assert.Equal(HttpStatusCode.BadRequest, (await Cache.PutAsync("debuginfo/" + id, "{}")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await Cache.PutAsync("debuginfo/" + id, new string(' ', 5000) + Json)).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await Cache.PutAsync("debuginfo/xyz", Json)).Status);
    }

    [Fact]
    public async Task FileThatUnpacksToTooMuch_IsRefused_AsTheStoreIsSet()
    {
        // 64 MiB of zeros in a few kilobytes.
        var bomb = SamplePath.Create("bomb", Testing.Stores.FakeTree.File(new byte[64 << 20]));
        var file = CacheClient.Compress(NarCompression.Zstd, bomb.ToNar());
        Assert.True(file.Length < 100_000);
        await Server.UseMetadataAsync(async metadata =>
        {
            var store = (await metadata.FindStoreAsync("main", TestServer.Cancellation))!;
            await metadata.SetTextAsync(store.Id, Ingest.PathSizeLimit.Setting, "1000000", TestServer.Cancellation);
            return true;
        });

        var (status, line) = await Cache.PutAsync(CacheClient.NameOf(file, NarCompression.Zstd), file);

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("more than 1000000 bytes", line, StringComparison.Ordinal);
        var sample = SamplePath.CreateRandom("fits", 1, 500_000);
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.UploadAsync(sample, NarCompression.Zstd)).Status);
    }

    [Fact]
    public async Task Head_OfANar_TellsItsLength()
    {
        var sample = CacheSamples.Create("lengthy");
        var file = sample.ToNar();
        var url = CacheClient.NameOf(file, NarCompression.None);
        await Cache.PutAsync(url, file);
        Assert.Equal(file.Length, await LengthOfAsync(url));
        await Cache.UploadAsync(sample, NarCompression.None);
        Assert.Equal(file.Length, await LengthOfAsync(url));
        var info = await Cache.GetNarInfoAsync(sample.Path);
        Assert.Equal((long)info.FileSize, await LengthOfAsync(info.Url));
        Assert.Equal((long)info.FileSize, (await Cache.GetAsync(info.Url)).Body.Length);
        Assert.Equal(file.Length, await LengthOfAsync(info.Url[..^".zst".Length]));
    }

    [Fact]
    public async Task Listing_WithoutEnd_IsRefused()
    {
        using var content = new ByteArrayContent(CacheClient.Compress(NarCompression.Gzip, new byte[2_000_000]));
        content.Headers.ContentEncoding.Add("gzip");
        using var response = await Cache.SendAsync(HttpMethod.Put, $"{new string('0', 32)}.ls", content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    private async Task<long?> LengthOfAsync(string url)
    {
        using var response = await Cache.SendAsync(HttpMethod.Head, url);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response.Content.Headers.ContentLength;
    }

    [Fact]
    public async Task Listing_OfAnUploader_IsTakenAndForgotten() =>
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.PutAsync($"{new string('0', 32)}.ls", """{"version":1}""")).Status);
}

public sealed class Http1UploadTests() : UploadTests(CacheTransport.Http1)
{
    [Fact]
    public async Task ExpectContinue_IsAnsweredBeforeTheBody()
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(Server.Address.Host, Server.Address.Port, TestServer.Cancellation);
        var stream = tcp.GetStream();
        await stream.WriteAsync("PUT /main/nix-cache-info HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 21\r\nExpect: 100-continue\r\n\r\n"u8.ToArray(), TestServer.Cancellation);
        var answer = new byte[12];
        await stream.ReadExactlyAsync(answer, TestServer.Cancellation);
        Assert.Equal("HTTP/1.1 100", Encoding.ASCII.GetString(answer));
    }
}

public sealed class Http2UploadTests() : UploadTests(CacheTransport.Http2);
