using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Writing;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Tests.Writing;

public sealed class StoreWriterTests
{
    private static readonly SourceStore Source = new(91);

    [Fact]
    public async Task Register_ManyTreesAtOnce_AreValidAndWholeOnAnotherHost()
    {
        await using var server = await TestServer.StartAsync();
        await using var here = await WriterFixture.OpenAsync(server);
        await using var there = await WriterFixture.OpenAsync(server);
        var random = new Random(1);
        var paths = Enumerable.Range(0, 12).Select(i => AddedPath.Of(Source.Name($"tree-{i}"), Source.Tree())).ToArray();

        var infos = await Task.WhenAll(paths.Select(path => path.AddAsync(here.Writer, random)));

        for (var i = 0; i < paths.Length; i++)
        {
            Assert.Equal(paths[i].Info.NarHash, infos[i].NarHash);
            Assert.Equal(paths[i].Nar, await there.NarAsync(paths[i].Path));
        }
    }

    [Fact]
    public async Task Register_PathWhoseReferenceIsUnderWay_WaitsForIt()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server);
        var path = AddedPath.Of(Source.Name("first"), SourceEntry.File(Source.Content(3_000_000)));
        var chain = new List<AddedPath> { path };
        for (var i = 0; i < 20; i++)
        {
            chain.Add(path = AddedPath.Of(Source.Name($"next-{i}"), SourceEntry.File($"{i}"), path));
        }

        await Task.WhenAll(chain.Select(added => added.AddAsync(host.Writer)));

        var closure = await host.Reader.FindClosureAsync([path.Path], ReaderExtensions.Token);
        Assert.Equal(chain.Select(added => added.Path).Order(), closure.Select(handle => handle.Path).Order());
    }

    [Fact]
    public async Task Register_SamePathByManyAtOnce_IsThereOnceForAll()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server);
        var path = AddedPath.Of(Source.Name("shared"), Source.Tree());

        var infos = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => path.AddAsync(host.Writer)));

        Assert.All(infos, info => Assert.Equal(path.Info.NarHash, info.NarHash));
        Assert.Equal([path.Path], await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Register_ReferenceThatIsNotValid_SaysWhich()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server);
        var absent = AddedPath.Of(Source.Name("absent"), SourceEntry.File("x"));
        var path = AddedPath.Of(Source.Name("path"), SourceEntry.File("y"), absent);

        var error = await Assert.ThrowsAsync<StoreClientException>(() => path.AddAsync(host.Writer));

        Assert.Contains(absent.Path.BaseName, error.Message, StringComparison.Ordinal);
        Assert.False(await host.IsValidAsync(path.Path));
    }

    [Fact]
    public async Task Register_AnotherHashOrSizeThanAnnounced_IsRefused()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server);
        var path = AddedPath.Of(Source.Name("lie"), SourceEntry.File("truth"));
        var other = AddedPath.Of(Source.Name("other"), SourceEntry.File("other"));

        await Assert.ThrowsAsync<StoreClientException>(() => (path with { Info = path.Info with { NarHash = other.Info.NarHash } }).AddAsync(host.Writer));
        await Assert.ThrowsAsync<StoreClientException>(() => (path with { Info = path.Info with { NarSize = path.Info.NarSize + 8 } }).AddAsync(host.Writer));

        Assert.Empty(await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Register_PathThatIsValidWithOtherContent_GoesOnWithTheFirst()
    {
        await using var server = await TestServer.StartAsync();
        await using var here = await WriterFixture.OpenAsync(server);
        await using var there = await WriterFixture.OpenAsync(server);
        var name = Source.Name("twice");
        var first = AddedPath.Of(name, SourceEntry.File("first"));
        await first.AddAsync(here.Writer);

        var info = await AddedPath.Of(name, SourceEntry.File("second")).AddAsync(there.Writer);

        Assert.Equal(first.Info.NarHash, info.NarHash);
    }

    [Fact]
    public async Task Write_NoNarOrBytesBehindItsEnd_IsAnError()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server);
        var path = AddedPath.Of(Source.Name("path"), SourceEntry.File("content"));

        await Assert.ThrowsAsync<NarFormatException>(() => (path with { Nar = [.. path.Nar, 0] }).AddAsync(host.Writer));
        await Assert.ThrowsAsync<NarFormatException>(() => (path with { Nar = path.Nar[..^8] }).AddAsync(host.Writer));
        await Assert.ThrowsAsync<NarFormatException>(() => (path with { Nar = Source.Bytes(1000) }).AddAsync(host.Writer));
    }

    [Fact]
    public async Task Import_GivenUp_LeavesNothingAndHoldsUpNobody()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server);
        var content = Source.Content(8_000_000);
        var abandoned = AddedPath.Of(Source.Name("abandoned"), SourceEntry.File(content));
        var path = AddedPath.Of(Source.Name("path"), SourceEntry.File(content));
        await using (var import = host.Writer.BeginImport())
        {
            await import.WriteAsync(abandoned.Nar.AsMemory(0, 6_000_000), ReaderExtensions.Token);
        }

        await path.AddAsync(host.Writer);

        Assert.Equal([path.Path], await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Register_ServerAwayInTheMiddle_FailsAfterPatienceAndWorksOnceItIsBack()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server, new StoreWriterOptions { Patience = TimeSpan.FromSeconds(1) });
        var path = AddedPath.Of(Source.Name("path"), SourceEntry.File(Source.Content(4_000_000)));
        await using (var import = host.Writer.BeginImport())
        {
            await import.WriteAsync(path.Nar.AsMemory(0, 1_000_000), ReaderExtensions.Token);
            await server.StopAsync();
            await Assert.ThrowsAsync<StoreUnavailableException>(async () =>
            {
                await import.WriteAsync(path.Nar.AsMemory(1_000_000), ReaderExtensions.Token);
                await import.RegisterAsync(path.Info, ReaderExtensions.Token);
            });
        }

        await server.StartAgainAsync();
        await path.AddAsync(host.Writer);

        Assert.Equal(path.Nar, await host.NarAsync(path.Path));
    }

    [Fact]
    public async Task Register_ServerRestartsInTheMiddle_Succeeds()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server);
        var paths = Enumerable.Range(0, 6).Select(i => AddedPath.Of(Source.Name($"path-{i}"), Source.Tree())).ToArray();

        var adding = paths.Select(path => path.AddAsync(host.Writer, new Random(2))).ToArray();
        await server.StopAsync();
        await server.StartAgainAsync();
        await Task.WhenAll(adding);

        Assert.Equal(paths.Select(path => path.Path).Order(), await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }
}
