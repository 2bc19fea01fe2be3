using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using Xunit;

namespace NixFuseStore.Server.Tests.Access;

public sealed class AccessTests : IAsyncLifetime
{
    private const AccessRights Read = AccessRights.Read;
    private const AccessRights Write = AccessRights.Read | AccessRights.Write;
    private const AccessRights Admin = AccessRights.Read | AccessRights.Write | AccessRights.Administer;

    private const string Derivation = "00000000000000000000000000000000-x.drv";

    private static readonly ByteString EmptyFrame = ByteString.CopyFrom(Zstd.Compress([], 3));

    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync("http://0.0.0.0:0");
        await _server.CreateStoreAsync("other");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task NoTokenMade_Loopback_MayDoEverything()
    {
        var store = await _server.OpenClient(options: new() { Address = Loopback }).GetStoreAsync(new GetStoreRequest { Store = "main" });
        Assert.True(store.MayWrite && store.MayAdminister);
    }

    [Fact]
    public async Task NoTokenMade_OtherHost_IsToldHowToMakeOne()
    {
        var address = Dns.GetHostAddresses(Dns.GetHostName()).FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        if (address is null)
        {
            Assert.Skip("this host has no address but loopback");
        }

        var options = new Protocol.Connections.TransportOptions { Address = new Uri($"http://{address}:{_server.Address.Port}") };
        var e = await Assert.ThrowsAsync<RpcException>(() => _server.OpenClient(options: options).GetStoreAsync(new GetStoreRequest { Store = "main" }));
        Assert.Equal(StatusCode.Unauthenticated, e.StatusCode);
        Assert.Contains("token create", e.Status.Detail, StringComparison.Ordinal);
        var d = await Assert.ThrowsAsync<DataPlaneException>(() => _server.OpenData(options: options).ReadAsync(new ReadChunksRequest()));
        Assert.Equal((StatusCode.Unauthenticated, e.Status.Detail), (d.StatusCode, d.Message));
    }

    [Theory]
    [InlineData("X-Forwarded-For")]
    [InlineData("Forwarded")]
    [InlineData("Via")]
    public async Task NoTokenMade_ProxyOnThisHost_IsNotLoopback(string header)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Loopback, "/data/v1/main/chunks/read"));
        request.Headers.TryAddWithoutValidation(header, "203.0.113.5");
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.SendAsync(request)).StatusCode);
    }

    [Theory]
    [InlineData("Origin", "http://127.0.0.1:7420")]
    [InlineData("Origin", "null")]
    [InlineData("Host", "rebound.example:7420")]
    [InlineData("Host", "203.0.113.5")]
    public async Task NoTokenMade_WebPage_IsNotLoopback(string header, string value)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Loopback, "/main/nix-cache-info"));
        request.Headers.TryAddWithoutValidation(header, value);
        using var response = await http.SendAsync(request, TestServer.Cancellation);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Contains($"({header})", await response.Content.ReadAsStringAsync(TestServer.Cancellation), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.1:1")]
    [InlineData("[::1]:7420")]
    public async Task NoTokenMade_OwnNamesOfThisHost_AreServed(string host)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Loopback, "/main/nix-cache-info"));
        request.Headers.Host = host;
        using var response = await http.SendAsync(request, TestServer.Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    /// <summary>By every door: the binary cache, the data plane, gRPC.</summary>
    [Theory]
    [InlineData("/main/nix-cache-info")]
    [InlineData("/data/v1/main/chunks/read", "-X", "POST")]
    [InlineData("/nixfuse.v1.Store/GetStore", "--http2-prior-knowledge", "-X", "POST", "-H", "content-type: application/grpc", "-H", "te: trailers")]
    public async Task NoTokenMade_OtherUserOfThisHost_IsRefused(string path, params string[] options)
    {
        Assert.SkipUnless(Environment.UserName == "root" && File.Exists("/usr/bin/setpriv") && File.Exists("/usr/bin/curl"), "needs root, setpriv and curl");
        var url = new Uri(Loopback, path).AbsoluteUri;

        var other = await CurlAsync(["setpriv", "--reuid", "12345", "--clear-groups", "curl", "-sSi", .. options, url]);
        var root = await CurlAsync(["curl", "-sSi", .. options, url]);

        Assert.Contains("not user 12345", Uri.UnescapeDataString(other), StringComparison.Ordinal);
        Assert.DoesNotContain("no token was made", Uri.UnescapeDataString(root), StringComparison.Ordinal);
    }

    private static async Task<string> CurlAsync(string[] command)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestServer.Cancellation);
        await process.WaitForExitAsync(TestServer.Cancellation);
        return output;
    }

    [Fact]
    public async Task TokensMade_CallWithoutOneOrWithAWrongOne_Unauthenticated()
    {
        await _server.CreateTokenAsync(Read, "main");
        await Eventually.HoldsAsync(async () => await StatusAsync(null) == StatusCode.Unauthenticated);
        Assert.Equal(StatusCode.Unauthenticated, await StatusAsync("nixfuse_wrong"));
        Assert.Equal(StatusCode.Unauthenticated, await StatusAsync(new string('x', 10_000)));
    }

    /// <summary>What each token may do: read main, write main, administer main, read other.</summary>
    [Theory]
    [InlineData(Read, "main", true, false, false, false)]
    [InlineData(Write, "main", true, true, false, false)]
    [InlineData(Admin, "main", true, true, true, false)]
    [InlineData(Admin, "other", false, false, false, true)]
    [InlineData(Read, "", true, false, false, true)]
    [InlineData(Admin, "", true, true, true, true)]
    public async Task Token_Rights_AreWhatTheySay(AccessRights rights, string store, bool read, bool write, bool administer, bool readOther)
    {
        var sample = SamplePath.CreateRandom("sample", 1, 100);
        await _server.RegisterAllAsync(sample);
        var (token, _) = await _server.CreateTokenAsync(rights, store.Length > 0 ? [store] : []);
        var client = _server.OpenClient(token, new() { Address = Loopback, TokenProvider = () => token });
        var data = _server.OpenData(token, new() { Address = Loopback, TokenProvider = () => token });

        await ExpectAsync(read, () => client.GetStoreAsync(new GetStoreRequest { Store = "main" }));
        await ExpectAsync(read, () => client.QueryPathsAsync(new QueryPathsRequest { Store = "main" }));
        await ExpectAsync(read, () => FirstAsync(client.ListPathsAsync(new ListPathsRequest { Store = "main" })));
        await ExpectAsync(read, () => FirstAsync(client.GetClosureAsync(new GetClosureRequest { Store = "main" })));
        await ExpectAsync(read, () => FirstAsync(client.GetSectionsAsync(new GetSectionsRequest { Store = "main" })));
        await ExpectAsync(read, () => FirstAsync(client.WatchAsync(new WatchRequest { Store = "main" })));
        await ExpectAsync(read, () => data.ReadAsync(DataPlaneHelp.AskFor(sample, 0, 1)));
        await ExpectAsync(read, () => client.ReportUseAsync(new ReportUseRequest { Store = "main" }));
        await ExpectAsync(read, () => FirstAsync(client.QueryReferrersAsync(new QueryReferrersRequest { Store = "main" })));
        await ExpectAsync(read, () => FirstAsync(client.QueryDeriversAsync(new QueryDeriversRequest { Store = "main" })));
        await ExpectAsync(read, () => client.QueryRealisationsAsync(new QueryRealisationsRequest { Store = "main" }));
        await ExpectAsync(read, () => client.GetBuildLogAsync(new GetBuildLogRequest { Store = "main", BaseName = Derivation }));
        await ExpectAsync(read, () => FirstAsync(client.ListRootsAsync(new ListRootsRequest { Store = "main" })));
        await ExpectAsync(read, () => FirstAsync(client.QueryLivenessAsync(new QueryLivenessRequest { Store = "main", Live = true })));
        await ExpectAsync(read, () => client.OpenSessionAsync(new OpenSessionRequest { Store = "main", Host = "h", LeaseSeconds = 1 }));
        await ExpectAsync(read, () => client.RenewSessionAsync(new RenewSessionRequest { Store = "main", Session = 1, LeaseSeconds = 1 }));
        await ExpectAsync(read, () => client.AddTemporaryRootsAsync(new AddTemporaryRootsRequest { Store = "main", Session = 1 }));
        await ExpectAsync(read, () => client.RemoveTemporaryRootsAsync(new RemoveTemporaryRootsRequest { Store = "main", Session = 1 }));
        await ExpectAsync(read, () => client.CloseSessionAsync(new CloseSessionRequest { Store = "main", Session = 1 }));
        await ExpectAsync(write, () => client.AddSignaturesAsync(new AddSignaturesRequest { Store = "main" }));
        await ExpectAsync(write, () => client.AddRealisationsAsync(new AddRealisationsRequest { Store = "main" }));
        await ExpectAsync(write, () => client.PutBuildLogAsync(new PutBuildLogRequest { Store = "main", BaseName = Derivation, Zstd = EmptyFrame }));
        await ExpectAsync(write, () => client.SetRootsAsync(new SetRootsRequest { Store = "main", Host = "h" }));
        await ExpectAsync(write, () => client.RemoveRootsAsync(new RemoveRootsRequest { Store = "main", Host = "h" }));
        await ExpectAsync(write, () => client.FindMissingChunksAsync(new FindMissingChunksRequest { Store = "main" }));
        await ExpectAsync(write, () => client.RegisterPathsAsync(new RegisterPathsRequest { Store = "main" }));
        await ExpectAsync(write, () => data.UploadAsync([]));
        await ExpectAsync(administer, () => client.RevokePathsAsync(new RevokePathsRequest { Store = "main" }));
        await ExpectAsync(readOther, () => client.GetStoreAsync(new GetStoreRequest { Store = "other" }));
    }

    [Fact]
    public async Task StoreThatIsNotThere_LooksLikeAForbiddenOne()
    {
        var (token, _) = await _server.CreateTokenAsync(Read, "main");
        var client = _server.OpenClient(options: new() { Address = Loopback, TokenProvider = () => token });
        var forbidden = await Assert.ThrowsAsync<RpcException>(() => client.GetStoreAsync(new GetStoreRequest { Store = "other" }));
        var missing = await Assert.ThrowsAsync<RpcException>(() => client.GetStoreAsync(new GetStoreRequest { Store = "nowhr" }));
        Assert.Equal((StatusCode.PermissionDenied, StatusCode.PermissionDenied), (forbidden.StatusCode, missing.StatusCode));
        Assert.Equal(forbidden.Status.Detail.Replace("other", "nowhr", StringComparison.Ordinal), missing.Status.Detail);
    }

    [Fact]
    public async Task ChunksOfAnotherStore_ReadThroughOwnStore_AreNotThere()
    {
        var sample = SamplePath.CreateRandom("secret", 1, 100);
        await _server.RegisterAllAsync(sample);
        var (token, _) = await _server.CreateTokenAsync(Write, "other");
        var options = new Protocol.Connections.TransportOptions { Address = Loopback, TokenProvider = () => token };
        var frames = await _server.OpenData(options: options).ReadAsync(DataPlaneHelp.AskFor(sample, 0, 1), "other");
        Assert.Equal(FrameStatus.NoSuchManifest, frames.Single().Header.Status);

        // Nor does naming their hashes make them one's own, or tell that they exist.
        var client = _server.OpenClient(options: options);
        var request = new RegisterPathsRequest { Store = "other" };
        request.Paths.Add(sample.ToMessage(inline: false));
        Assert.Equal(RegisterPathResult.Types.Outcome.MissingChunks, (await client.RegisterPathsAsync(request)).Results.Single().Outcome);
        var missing = await client.FindMissingChunksAsync(
            new FindMissingChunksRequest { Store = "other", ChunkIds = Google.Protobuf.ByteString.CopyFrom(sample.Chunks.Keys.First().ToArray()) });
        Assert.Equal(1, missing.Missing[0]);
    }

    [Fact]
    public Task RevokedToken_IsRefusedWithinASecond_AlsoInAWatch() => Eventually.OnceWithinAsync(TimeSpan.FromSeconds(1.5), async () =>
    {
        var (token, id) = await _server.CreateTokenAsync(Read, "main");
        Assert.Equal(StatusCode.OK, await StatusAsync(token));
        var client = _server.OpenClient(options: new() { Address = Loopback, TokenProvider = () => token });
        var isOn = new TaskCompletionSource();
        var watching = Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var message in client.WatchAsync(new WatchRequest { Store = "main" }, null, TestServer.Cancellation))
            {
                isOn.TrySetResult();
            }
        });
        await isOn.Task.WaitAsync(TimeSpan.FromSeconds(60), TestServer.Cancellation);
        Assert.True(await _server.UseMetadataAsync(metadata => metadata.RevokeTokenAsync(id)));
        var took = await Eventually.HoldsAsync(async () => await StatusAsync(token) == StatusCode.Unauthenticated);
        Assert.Equal(StatusCode.Unauthenticated, (await watching.WaitAsync(TimeSpan.FromSeconds(60))).StatusCode);
        return took;
    });

    [Fact]
    public async Task ExpiredToken_IsRefused()
    {
        var token = NixFuseStore.Server.Access.TokenText.Generate();
        await _server.UseMetadataAsync(metadata => metadata.CreateTokenAsync(
            new NewToken(NixFuseStore.Server.Access.TokenText.Hash(token), "brief", Read, new Dictionary<StoreId, AccessRights>())
            {
                Expires = DateTimeOffset.UtcNow.AddSeconds(3).ToUnixTimeSeconds(),
            },
            TestServer.Cancellation));

        Assert.Equal(StatusCode.OK, await StatusAsync(token));
        await Eventually.HoldsAsync(async () => await StatusAsync(token) == StatusCode.Unauthenticated);
    }

    private Uri Loopback => new($"http://127.0.0.1:{_server.Address.Port}");

    private async Task<StatusCode> StatusAsync(string? token)
    {
        try
        {
            await _server.OpenClient(options: new() { Address = Loopback, TokenProvider = () => token }).GetStoreAsync(new GetStoreRequest { Store = "main" });
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }

    private static async Task ExpectAsync(bool allowed, Func<Task> call)
    {
        StatusCode code;
        try
        {
            await call();
            code = StatusCode.OK;
        }
        catch (RpcException e)
        {
            code = e.StatusCode;
        }
        catch (DataPlaneException e)
        {
            code = e.StatusCode;
        }

        Assert.Equal(allowed ? StatusCode.OK : StatusCode.PermissionDenied, code);
    }

    private static async Task FirstAsync<T>(IAsyncEnumerable<T> messages)
    {
        await foreach (var message in messages)
        {
            return;
        }
    }
}
