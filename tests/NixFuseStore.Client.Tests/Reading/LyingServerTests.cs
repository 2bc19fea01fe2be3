using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Client.Catalog;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>Whatever a server says ends in one clear line of ours: never in a message of the runtime, never in a wait or a memory without bound.</summary>
public sealed class LyingServerTests : IAsyncLifetime
{
    private const string Asked = "0123456789abcdfghijklmnpqrsvwxyz-asked";
    private const string Other = "1123456789abcdfghijklmnpqrsvwxyz-other";

    private LyingServer _server = null!;
    private ServerConnection _connection = null!;

    public static TheoryData<string> Closures => ["twice", "short name", "no path", "other name", "not asked for"];

    public static TheoryData<string> Listings => ["no store path", "out of order", "twice", "another prefix"];

    public async ValueTask InitializeAsync()
    {
        _server = await LyingServer.StartAsync();
        _connection = new ServerConnection(new ServerConnectionOptions { Servers = [_server.Address] });
    }

    public async ValueTask DisposeAsync()
    {
        _connection.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Closures))]
    public async Task Query_AnswerThatMakesNoSense_IsNoValidPath(string lie)
    {
        _server.Answers["GetClosure"] = () => [Closure(lie)];
        var catalog = await StoreCatalog.OpenAsync(_connection, [], ReaderExtensions.Token);

        try
        {
            var answer = await catalog.QueryAsync([StorePath.ParseBaseName(Asked)], closure: true, ReaderExtensions.Token);
            Assert.Empty(answer.Paths);
            Assert.Equal([Asked], answer.NotValid);
        }
        catch (StoreVerificationException e)
        {
            Assert.Contains(Asked, e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Listings))]
    public async Task List_NamesThatMakeNoSense_FailClearly(string lie)
    {
        var page = new ListPathsResponse();
        page.Entries.AddRange(Names(lie).Select(static name => new PathEntry { BaseName = name }));
        _server.Answers["ListPaths"] = () => [page];
        var catalog = await StoreCatalog.OpenAsync(_connection, [], ReaderExtensions.Token);

        var error = await Assert.ThrowsAsync<StoreVerificationException>(async () =>
        {
            await foreach (var _ in catalog.ListAsync(lie == "another prefix" ? "0" : "", ReaderExtensions.Token))
            {
            }
        });

        Assert.Contains(_server.Address.Authority, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ListAsync_OfAReader_NeverGoesRoundInCircles()
    {
        var page = new ListPathsResponse();
        page.Entries.AddRange(Enumerable.Repeat(new PathEntry { BaseName = Asked }, 1000));
        _server.Answers["ListPaths"] = () => [page];
        _server.Answers["Watch"] = static () => throw new RpcException(new Status(StatusCode.Unavailable, "no events"));
        await using var reader = await _connection.OpenAsync();

        await Assert.ThrowsAsync<StoreVerificationException>(async () => await reader.ListAsync("", 100, ReaderExtensions.Token));
    }

    [Fact]
    public async Task Messages_OfTheServer_AreOneLineWithoutControlCharacters()
    {
        _server.Answers["GetStore"] = static () => throw new RpcException(new Status(StatusCode.PermissionDenied, "go \u001b[31maway\nat once" + new string('x', 5000)));

        var error = await Assert.ThrowsAsync<StoreAccessException>(() => StoreCatalog.OpenAsync(_connection, [], ReaderExtensions.Token));

        Assert.DoesNotContain(error.Message, static c => char.IsControl(c));
        Assert.InRange(error.Message.Length, 50, 1000);
    }

    [Fact]
    public async Task Answer_WithoutEnd_IsCutOff()
    {
        var options = new Protocol.Connections.TransportOptions { Address = _server.Address, CallBytesMax = 1 << 20 };
        using var channel = new RpcChannel(options);
        _server.Answers["ListPaths"] = static () => Enumerable.Repeat(Big(), int.MaxValue);

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var _ in new StoreClient(channel).ListPathsAsync(new ListPathsRequest(), TimeSpan.FromSeconds(60), ReaderExtensions.Token))
            {
            }
        });

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Contains("ListPaths", error.Message, StringComparison.Ordinal);
    }

    private static ListPathsResponse Big()
    {
        var page = new ListPathsResponse();
        page.Entries.AddRange(Enumerable.Repeat(new PathEntry { BaseName = Asked }, 1000));
        return page;
    }

    private static string[] Names(string lie) => lie switch
    {
        "no store path" => ["../../etc/passwd"],
        "out of order" => [Other, Asked],
        "twice" => [Asked, Asked],
        _ => [Other],
    };

    private static GetClosureResponse Closure(string lie)
    {
        var response = new GetClosureResponse();
        ClosureItem[] items = lie switch
        {
            "twice" => [Item(Asked), Item(Asked)],
            "short name" => [Item("x")],
            "no path" => [new ClosureItem()],
            "other name" => [Item(Asked[..33] + "else")],
            _ => [Item(Other)],
        };
        response.Items.AddRange(items);
        return response;
    }

    private static ClosureItem Item(string baseName) => new() { Path = new PathRecord { BaseName = baseName, NarHash = ByteString.CopyFrom(new byte[32]) } };
}
