using NixFuseStore.Client.Catalog;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Trees;
using NixFuseStore.Testing.Faults;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>Paths that only an upstream cache of the store has: here, another server.</summary>
public sealed class UpstreamTests() : ReaderTest(2)
{
    [Fact]
    public async Task FindUpstream_PathOfTheCache_IsBrought_AndOthersAreAbsent()
    {
        await using var upstream = await TestServer.StartAsync();
        var path = Source.Path("wanted", SourceEntry.File("content"));
        await upstream.PushAsync(path);
        await Server.AddUpstreamAsync(upstream.Address, upstream.PublicKey);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();

        Assert.Null(await reader.FindAsync(path.Path, ReaderExtensions.Token));
        PathHandle? found = null;
        await ReaderExtensions.EventuallyAsync(() => (found = TryFind(reader, path)) is not null, "the path is here");
        Assert.Equal("content"u8.ToArray(), await reader.ReadAsync(found!, 0));
        Assert.Null(await reader.FindUpstreamAsync(Source.Path("nowhere", SourceEntry.File("x")).Path, ReaderExtensions.Token));
    }

    [Fact]
    public async Task FindUpstream_SlowCache_FailsAtOnce_AndThePathComesInTheBackground()
    {
        await using var upstream = await TestServer.StartAsync();
        await using var slow = new TamperingProxy(upstream.Address) { Delay = TimeSpan.FromSeconds(1) };
        var path = Source.Path("wanted", SourceEntry.File("content"));
        await upstream.PushAsync(path);
        await Server.AddUpstreamAsync(slow.Address, upstream.PublicKey);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();

        var error = await Assert.ThrowsAsync<StoreUnavailableException>(async () => await reader.FindUpstreamAsync(path.Path, ReaderExtensions.Token));
        Assert.Contains("in the background", error.Message, StringComparison.Ordinal);
        await ReaderExtensions.EventuallyAsync(() => TryFind(reader, path) is not null, "the path is here");
    }

    [Fact]
    public async Task Catalog_PathOfTheCache_IsBrought()
    {
        await using var upstream = await TestServer.StartAsync();
        var path = Source.Path("wanted", SourceEntry.File("content"));
        await upstream.PushAsync(path);
        await Server.AddUpstreamAsync(upstream.Address, upstream.PublicKey);
        using var connection = Server.Connect();
        var catalog = await StoreCatalog.OpenAsync(connection, [], ReaderExtensions.Token);
        var answer = await catalog.QueryAsync([path.Path], closure: false, ReaderExtensions.Token);
        Assert.Equal(path.Path, answer.Paths.Single().Handle.Path);
    }

    /// <summary>What takes longer than a lookup is an error until it is there, and never absent.</summary>
    private static PathHandle? TryFind(StoreReader reader, SourcePath path)
    {
        try
        {
            var found = reader.FindUpstreamAsync(path.Path, ReaderExtensions.Token).AsTask().GetAwaiter().GetResult();
            return found ?? throw new Xunit.Sdk.XunitException("a path of the cache is told to be absent");
        }
        catch (StoreUnavailableException)
        {
            return null;
        }
    }
}
