using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Metadata;
using Xunit;

namespace NixFuseStore.Server.Tests.BinaryCache;

/// <summary>Clients that stop in the middle of a transfer do not keep others from theirs.</summary>
public abstract class SlowClientTests(CacheTransport transport) : CacheTest(transport)
{
    private const int Stalled = 40;

    internal override ServerLimits Limits => new()
    {
        NarDownloadsMax = 8,
        NarDownloadShare = 6,
        UploadRequestsMax = 4,
        UploadShare = 3,
        ReadRequestsMax = 4,
        ReadShare = 3,
        StalledAfter = TimeSpan.FromMilliseconds(300),
        UploadStalledAfter = TimeSpan.FromMilliseconds(300),

        // Longer than a test waits: no transfer ends by being slow.
        UploadRate = new TransferRate(4096, TimeSpan.FromMinutes(5)),
        DownloadRate = new TransferRate(4096, TimeSpan.FromMinutes(5)),
    };

    [Fact]
    public async Task StalledDownloads_OfOneToken_LeaveRoomForItsOwnAndForOthers()
    {
        var sample = SamplePath.CreateRandom("large", 8, 4_000_000);
        await Server.RegisterAllAsync(sample);
        var small = CacheSamples.Create("small");
        await Server.RegisterAllAsync(small);
        var url = (await Cache.GetNarInfoAsync(sample.Path)).Url;
        var smallUrl = (await Cache.GetNarInfoAsync(small.Path)).Url;
        var (one, _) = await Server.CreateTokenAsync(AccessRights.Read, "main");
        var (other, _) = await Server.CreateTokenAsync(AccessRights.Read, "main");
        await Eventually.HoldsAsync(async () => await Cache.HeadAsync(url) == HttpStatusCode.Unauthorized);

        // Each has a connection of its own, whose windows and buffers the NAR does not fit into.
        var clients = Enumerable.Range(0, Stalled).Select(_ => new CacheClient(Server, authorization: Bearer(one))).ToArray();
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(TestServer.Cancellation);
        var stalled = clients.Select(client => client.StartAsync(HttpMethod.Get, url, null, leaving.Token)).ToArray();
        await Task.WhenAny(Task.WhenAll(stalled), Task.Delay(500, TestServer.Cancellation));

        foreach (var token in (string[])[other, one])
        {
            using var good = new CacheClient(Server, authorization: Bearer(token));
            var (status, body) = await good.GetAsync(smallUrl).WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal(small.ToNar(), CacheClient.Decompress(NarCompression.Zstd, body));
        }

        await leaving.CancelAsync();
        foreach (var client in clients)
        {
            client.Dispose();
        }

        await Task.WhenAll(stalled.Select(task => task.ContinueWith(static done => done.Exception, TaskScheduler.Default)));
        Assert.DoesNotContain(Server.Log.Split('\n'), line => line.Contains("error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task StalledUploads_GiveTheirPlacesToOthers()
    {
        var nar = SamplePath.CreateRandom("half", 1, 3_000_000).ToNar();
        var url = CacheClient.NameOf(nar, NarCompression.None);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(TestServer.Cancellation);
        var contents = Enumerable.Range(0, 8).Select(_ => new StallingContent(nar.AsMemory(0, 100_000), nar.Length)).ToArray();
        var uploads = contents.Select(content => Cache.StartAsync(HttpMethod.Put, url, content, leaving.Token)).ToArray();
        await Task.WhenAll(contents.Select(content => content.Stalled)).WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);

        var sample = CacheSamples.Create("good");
        Assert.Equal(HttpStatusCode.NoContent, (await Cache.UploadAsync(sample, NarCompression.Zstd).WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation)).Status);

        await leaving.CancelAsync();
        await Task.WhenAll(uploads.Select(task => task.ContinueWith(static done => done.Exception, TaskScheduler.Default)));
        Assert.DoesNotContain(Server.Log.Split('\n'), line => line.Contains("error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task StalledUploadsOfAMount_GiveTheirPlacesToOthers()
    {
        var nar = SamplePath.CreateRandom("half", 1, 3_000_000).ToNar();
        using var http = new CacheClient(Server, store: "data/v1/main");
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(TestServer.Cancellation);
        var contents = Enumerable.Range(0, 8).Select(_ => new StallingContent(nar.AsMemory(0, 100_000), nar.Length)).ToArray();
        var uploads = contents.Select(content => http.StartAsync(HttpMethod.Post, "nars", content, leaving.Token)).ToArray();
        await Task.WhenAll(contents.Select(content => content.Stalled)).WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);

        using var whole = new ByteArrayContent(nar);
        using var response = await http.StartAsync(HttpMethod.Post, "nars", whole, TestServer.Cancellation).WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);

        await leaving.CancelAsync();
        await Task.WhenAll(uploads.Select(task => task.ContinueWith(static done => done.Exception, TaskScheduler.Default)));
    }

    private static AuthenticationHeaderValue Bearer(string token) => new("Bearer", token);
}

/// <summary>Nobody waits for a place here; what is too slow ends all the same.</summary>
public abstract class SlowTransferTests(CacheTransport transport) : CacheTest(transport)
{
    private readonly CacheTransport _transport = transport;

    internal override ServerLimits Limits => new()
    {
        UploadRate = new TransferRate(4096, TimeSpan.FromSeconds(1)),
        AddingRate = new TransferRate(64, TimeSpan.FromSeconds(1)),
        DownloadRate = new TransferRate(4096, TimeSpan.FromSeconds(1)),
    };

    [Theory]
    [InlineData("main", "PUT", "nar/{0}.nar")]
    [InlineData("main", "PUT", "nix-cache-info")]
    [InlineData("main", "PUT", "00000000000000000000000000000000.narinfo")]
    [InlineData("main", "PUT", "00000000000000000000000000000000.ls")]
    [InlineData("main", "PUT", "log/00000000000000000000000000000000-x.drv")]
    [InlineData("data/v1/main", "POST", "nars")]
    public async Task StalledUpload_Ends(string root, string method, string name)
    {
        var nar = SamplePath.CreateRandom("half", 1, 3_000_000).ToNar();
        var path = string.Format(CultureInfo.InvariantCulture, name, new string('0', 52));
        if (_transport == CacheTransport.Http1)
        {
            // HttpClient looks at no answer before it has sent everything.
            using var tcp = new TcpClient();
            await tcp.ConnectAsync(Server.Address.Host, Server.Address.Port, TestServer.Cancellation);
            var stream = tcp.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{method} /{root}/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {nar.Length}\r\n\r\n"), TestServer.Cancellation);
            await stream.WriteAsync(nar.AsMemory(0, 12), TestServer.Cancellation);
            var answer = new byte[12];
            await stream.ReadExactlyAsync(answer, TestServer.Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
            Assert.Equal("HTTP/1.1 408", Encoding.ASCII.GetString(answer));
            return;
        }

        using var http = new CacheClient(Server, store: root);
        using var content = new StallingContent(nar.AsMemory(0, 12), nar.Length);
        using var response = await http.StartAsync(new HttpMethod(method), path, content, TestServer.Cancellation).WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
        Assert.Equal(HttpStatusCode.RequestTimeout, response.StatusCode);
        Assert.Contains("slower than", await response.Content.ReadAsStringAsync(TestServer.Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StalledDownload_IsBrokenOff()
    {
        var sample = SamplePath.CreateRandom("large", 8, 4_000_000);
        await Server.RegisterAllAsync(sample);
        var url = (await Cache.GetNarInfoAsync(sample.Path)).Url;
        using var response = await Cache.StartAsync(HttpMethod.Get, url, null, TestServer.Cancellation);
        await Task.Delay(3_000, TestServer.Cancellation);
        await Assert.ThrowsAnyAsync<Exception>(async () => await response.Content.ReadAsByteArrayAsync(TestServer.Cancellation)
            .WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation));
    }
}

public sealed class Http1SlowClientTests() : SlowClientTests(CacheTransport.Http1);

public sealed class Http2SlowClientTests() : SlowClientTests(CacheTransport.Http2);

public sealed class Http1SlowTransferTests() : SlowTransferTests(CacheTransport.Http1);

public sealed class Http2SlowTransferTests() : SlowTransferTests(CacheTransport.Http2);
