using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.BinaryCache;

/// <summary>What somebody pushed is there for stock Nix.</summary>
public abstract class DownloadTests(CacheTransport transport) : CacheTest(transport)
{
    [Fact]
    public async Task CacheInfo_TellsTheStoreDirectory()
    {
        var (status, body) = await Cache.GetAsync("nix-cache-info");
        Assert.Equal((HttpStatusCode.OK, "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n"), (status, Encoding.UTF8.GetString(body)));
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.PutAsync("nix-cache-info", "StoreDir: /nix/store\n")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await Cache.PutAsync("nix-cache-info", "StoreDir: /other\n")).Status);
    }

    [Fact]
    public async Task NarInfo_OfARegisteredPath_IsSignedByTheStore()
    {
        var lower = SamplePath.CreateRandom("lower", 1, 10);
        var sample = CacheSamples.Create("upper", lower.Path);
        await Server.RegisterAllAsync(lower, sample);

        var info = await Cache.GetNarInfoAsync(sample.Path);

        Assert.Equal((sample.Path, sample.NarHash, sample.NarSize, "zstd"), (info.Info.Path, info.Info.NarHash, info.Info.NarSize, info.Compression));
        Assert.Equal(sample.References, info.Info.References);
        var store = await Server.Client.GetStoreAsync(new GetStoreRequest { Store = "main" }, null, TestServer.Cancellation);
        Assert.True(info.Info.IsSignedByAny(StoreDirectory.Default, [NixPublicKey.Parse(store.PublicKeys[0])]));
        Assert.Equal(HttpStatusCode.OK, await Cache.HeadAsync(sample.Path.HashPart + ".narinfo"));
    }

    [Fact]
    public async Task Nar_AskedForTwice_IsWholeBothTimes()
    {
        var sample = CacheSamples.Create("zstd");
        await Server.RegisterAllAsync(sample);
        var info = await Cache.GetNarInfoAsync(sample.Path);

        for (var time = 0; time < 2; time++)
        {
            var (status, file) = await Cache.GetAsync(info.Url);
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(sample.ToNar(), CacheClient.Decompress(NarCompression.Zstd, file));
            Assert.Equal((info.FileSize, info.FileHash), ((ulong)file.Length, new NixHash(NixHashAlgorithm.Sha256, SHA256.HashData(file))));
        }

        Assert.Equal(HttpStatusCode.OK, await Cache.HeadAsync(info.Url));
    }

    [Fact]
    public async Task PlainNar_AnyRange_IsThatPartOfIt()
    {
        var sample = CacheSamples.Create("plain");
        await Server.RegisterAllAsync(sample);
        var url = (await Cache.GetNarInfoAsync(sample.Path)).Url[..^".zst".Length];
        var nar = sample.ToNar();
        Assert.Equal(nar, (await Cache.GetAsync(url)).Body);

        var random = new Random(7);
        for (var i = 0; i < 50; i++)
        {
            var from = random.Next(nar.Length);
            var to = random.Next(from, Math.Min(nar.Length, from + random.Next(1, 400_000)));
            using var part = await Cache.SendAsync(HttpMethod.Get, url, range: new RangeHeaderValue(from, to));
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            Assert.Equal(nar[from..(to + 1)], await part.Content.ReadAsByteArrayAsync(TestServer.Cancellation));
            Assert.Equal(nar.Length, part.Content.Headers.ContentRange!.Length);
        }

        using var tail = await Cache.SendAsync(HttpMethod.Get, url, range: new RangeHeaderValue(null, 100));
        Assert.Equal(nar[^100..], await tail.Content.ReadAsByteArrayAsync(TestServer.Cancellation));
        using var behind = await Cache.SendAsync(HttpMethod.Get, url, range: new RangeHeaderValue(nar.Length, null));
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, behind.StatusCode);
    }

    [Fact]
    public async Task Listing_HasEveryFileWithItsPlaceInTheNar()
    {
        var sample = CacheSamples.Create("listed");
        await Server.RegisterAllAsync(sample);
        var nar = sample.ToNar();

        var (status, body) = await Cache.GetAsync(sample.Path.HashPart + ".ls");

        Assert.Equal(HttpStatusCode.OK, status);
        using var json = JsonDocument.Parse(body);
        Assert.Equal(1, json.RootElement.GetProperty("version").GetInt32());
        var entries = json.RootElement.GetProperty("root").GetProperty("entries");
        var bin = entries.GetProperty("bin").GetProperty("entries");
        Assert.Equal("symlink", bin.GetProperty("link").GetProperty("type").GetString());
        Assert.True(bin.GetProperty("small").GetProperty("executable").GetBoolean());
        var text = entries.GetProperty("text");
        Assert.False(text.TryGetProperty("executable", out _));
        Assert.Equal("0 of them\n", Encoding.ASCII.GetString(nar, text.GetProperty("narOffset").GetInt32(), 10));
        Assert.Equal(0, entries.GetProperty("empty").GetProperty("size").GetInt32());
    }

    [Fact]
    public async Task RevokedPath_IsGoneAtOnce()
    {
        var sample = SamplePath.CreateRandom("revoked", 1, 100);
        await Server.RegisterAllAsync(sample);
        var info = await Cache.GetNarInfoAsync(sample.Path);
        Assert.Equal(HttpStatusCode.OK, (await Cache.GetAsync(info.Url)).Status);

        var request = new RevokePathsRequest { Store = "main" };
        request.BaseNames.Add(sample.Path.BaseName);
        await Server.Client.RevokePathsAsync(request, null, TestServer.Cancellation);

        await Eventually.HoldsAsync(async () => await Cache.HeadAsync(sample.Path.HashPart + ".narinfo") == HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.NotFound, (await Cache.GetAsync(info.Url)).Status);
    }

    [Theory]
    [InlineData("GET", "nothing", 404)]
    [InlineData("GET", "nar/", 404)]
    [InlineData("GET", "nar/x", 404)]
    [InlineData("GET", "nar/../../../etc/passwd", 404)]
    [InlineData("GET", "nar/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404)]
    [InlineData("GET", "log/x", 404)]
    [InlineData("GET", "short.narinfo", 404)]
    [InlineData("GET", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.narinfo", 404)]
    [InlineData("GET", "00000000000000000000000000000000.ls", 404)]
    [InlineData("GET", "realisations/x.doi", 404)]
    [InlineData("DELETE", "nix-cache-info", 405)]
    [InlineData("POST", "00000000000000000000000000000000.narinfo", 405)]
    [InlineData("PUT", "nar/x.nar", 400)]
    [InlineData("PUT", "something", 404)]
    public async Task BadRequest_IsToldInOneLine(string method, string path, int status)
    {
        using var response = await Cache.SendAsync(new HttpMethod(method), path, method == "PUT" ? new ByteArrayContent([1, 2, 3]) : null);
        Assert.Equal(status, (int)response.StatusCode);
        Assert.DoesNotContain("   at ", await response.Content.ReadAsStringAsync(TestServer.Cancellation), StringComparison.Ordinal);
        Assert.DoesNotContain("error", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LongName_IsNotThere()
    {
        Assert.Equal(HttpStatusCode.NotFound, (await Cache.GetAsync("nar/" + new string('a', 4000))).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await new CacheClient(Server, store: new string('s', 4000)).GetAsync("nix-cache-info")).Status);
    }
}

public sealed class Http1DownloadTests() : DownloadTests(CacheTransport.Http1)
{
    /// <summary>On HTTP/2 the stream is reset before anything here sees it.</summary>
    [Fact]
    public async Task NameWithANul_IsRefused() => Assert.Equal(HttpStatusCode.BadRequest, (await Cache.GetAsync("log/%00")).Status);
}

public sealed class Http2DownloadTests() : DownloadTests(CacheTransport.Http2);
