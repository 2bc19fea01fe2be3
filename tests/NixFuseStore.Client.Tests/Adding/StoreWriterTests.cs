using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Adding;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Tests.Adding;

/// <summary>The same whichever way content takes to the server.</summary>
/// <param name="wholeNars">Whether NARs are sent as they are.</param>
public abstract class StoreWriterTests(bool wholeNars)
{
    private readonly SourceStore _source = new(91);

    [Fact]
    public async Task Register_ManyTreesAtOnce_AreValidAndWholeOnAnotherHost()
    {
        await using var server = await TestServer.StartAsync();
        await using var here = await OpenAsync(server);
        await using var there = await OpenAsync(server);
        var random = new Random(1);
        var paths = Enumerable.Range(0, 12).Select(i => AddedPath.Of(_source.Name($"tree-{i}"), _source.Tree())).ToArray();

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
        await using var host = await OpenAsync(server);
        var path = AddedPath.Of(_source.Name("first"), SourceEntry.File(_source.Content(3_000_000)));
        var chain = new List<AddedPath> { path };
        for (var i = 0; i < 20; i++)
        {
            chain.Add(path = AddedPath.Of(_source.Name($"next-{i}"), SourceEntry.File($"{i}"), path));
        }

        await Task.WhenAll(chain.Select(added => added.AddAsync(host.Writer)));

        var closure = await host.Reader.FindClosureAsync([path.Path], ReaderExtensions.Token);
        Assert.Equal(chain.Select(added => added.Path).Order(), closure.Select(handle => handle.Path).Order());
    }

    [Fact]
    public async Task Register_SamePathByManyAtOnce_IsThereOnceForAll()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await OpenAsync(server);
        var path = AddedPath.Of(_source.Name("shared"), _source.Tree());

        var infos = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => path.AddAsync(host.Writer)));

        Assert.All(infos, info => Assert.Equal(path.Info.NarHash, info.NarHash));
        Assert.Equal([path.Path], await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Register_PathThatTheServerHasDamaged_HealsIt()
    {
        await using var server = await TestServer.StartAsync();
        var path = AddedPath.Of(_source.Name("damaged"), SourceEntry.File(_source.Content(3_000_000)));
        await using (var before = await OpenAsync(server))
        {
            await path.AddAsync(before.Writer);
        }

        await server.StopAsync();
        server.DamagePacks();
        await server.StartAgainAsync();
        await using var host = await OpenAsync(server);
        await Assert.ThrowsAnyAsync<StoreClientException>(() => host.NarAsync(path.Path));
        for (var tries = 0; tries < 100 && !host.Reader.FindKnown(path.Path)!.IsDamaged; tries++)
        {
            await Task.Delay(50, ReaderExtensions.Token);
        }

        Assert.True(host.Reader.FindKnown(path.Path)!.IsDamaged);
        await path.AddAsync(host.Writer);

        Assert.False(host.Reader.FindKnown(path.Path)!.IsDamaged);
        await using var there = await OpenAsync(server);
        Assert.Equal(path.Nar, await there.NarAsync(path.Path));
        Assert.Equal(path.Nar, await host.NarAsync(path.Path));
    }

    [Fact]
    public async Task Register_ReferenceThatIsNotValid_SaysWhich()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await OpenAsync(server);
        var absent = AddedPath.Of(_source.Name("absent"), SourceEntry.File("x"));
        var path = AddedPath.Of(_source.Name("path"), SourceEntry.File("y"), absent);

        var error = await Assert.ThrowsAsync<StoreClientException>(() => path.AddAsync(host.Writer));

        Assert.Contains(absent.Path.BaseName, error.Message, StringComparison.Ordinal);
        Assert.False(await host.IsValidAsync(path.Path));
    }

    [Fact]
    public async Task Register_AnotherHashOrSizeThanAnnounced_IsRefused()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await OpenAsync(server);
        var path = AddedPath.Of(_source.Name("lie"), SourceEntry.File("truth"));
        var other = AddedPath.Of(_source.Name("other"), SourceEntry.File("other"));

        await Assert.ThrowsAsync<StoreClientException>(() => (path with { Info = path.Info with { NarHash = other.Info.NarHash } }).AddAsync(host.Writer));
        await Assert.ThrowsAsync<StoreClientException>(() => (path with { Info = path.Info with { NarSize = path.Info.NarSize + 8 } }).AddAsync(host.Writer));

        Assert.Empty(await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Register_PathThatIsValidWithOtherContent_GoesOnWithTheFirst()
    {
        await using var server = await TestServer.StartAsync();
        await using var here = await OpenAsync(server);
        await using var there = await OpenAsync(server);
        var name = _source.Name("twice");
        var first = AddedPath.Of(name, SourceEntry.File("first"));
        await first.AddAsync(here.Writer);

        var info = await AddedPath.Of(name, SourceEntry.File("second")).AddAsync(there.Writer);

        Assert.Equal(first.Info.NarHash, info.NarHash);
    }

    [Fact]
    public async Task Write_NoNarOrBytesBehindItsEnd_IsAnError()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await OpenAsync(server);
        var path = AddedPath.Of(_source.Name("path"), SourceEntry.File("content"));

        await Assert.ThrowsAsync<NarFormatException>(() => (path with { Nar = [.. path.Nar, 0] }).AddAsync(host.Writer));
        await Assert.ThrowsAsync<NarFormatException>(() => (path with { Nar = path.Nar[..^8] }).AddAsync(host.Writer));
        await Assert.ThrowsAsync<NarFormatException>(() => (path with { Nar = _source.Bytes(1000) }).AddAsync(host.Writer));
    }

    [Fact]
    public async Task Import_GivenUp_LeavesNothingAndHoldsUpNobody()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await OpenAsync(server);
        var content = _source.Content(8_000_000);
        var abandoned = AddedPath.Of(_source.Name("abandoned"), SourceEntry.File(content));
        var path = AddedPath.Of(_source.Name("path"), SourceEntry.File(content));
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
        await using var host = await OpenAsync(server, new StoreWriterOptions { Patience = TimeSpan.FromSeconds(1) });
        var path = AddedPath.Of(_source.Name("path"), SourceEntry.File(_source.Content(4_000_000)));
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
        await using var host = await OpenAsync(server);
        var paths = Enumerable.Range(0, 6).Select(i => AddedPath.Of(_source.Name($"path-{i}"), _source.Tree())).ToArray();

        var adding = paths.Select(path => path.AddAsync(host.Writer, new Random(2))).ToArray();
        await server.StopAsync();
        await server.StartAgainAsync();
        await Task.WhenAll(adding);

        Assert.Equal(paths.Select(path => path.Path).Order(), await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Register_ServerRestartsWhileALargeNarIsWritten_Succeeds()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await OpenAsync(server, new StoreWriterOptions { NarBytesHeldMax = 2 << 20 });
        var path = AddedPath.Of(_source.Name("large"), SourceEntry.File(_source.Content(20_000_000)));
        await using var import = host.Writer.BeginImport(path.Info.NarSize);
        await import.WriteAsync(path.Nar.AsMemory(0, 12_000_000), ReaderExtensions.Token);

        await server.StopAsync();
        await server.StartAgainAsync();
        await import.WriteAsync(path.Nar.AsMemory(12_000_000), ReaderExtensions.Token);
        await import.RegisterAsync(path.Info, ReaderExtensions.Token);

        await using var there = await OpenAsync(server);
        Assert.Equal(path.Nar, await there.NarAsync(path.Path));
    }

    [Fact]
    public async Task Write_AnotherSizeThanAnnounced_IsRefusedAndHoldsUpNobody()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await OpenAsync(server);
        var path = AddedPath.Of(_source.Name("path"), SourceEntry.File(_source.Content(3_000_000)));
        foreach (var announced in new[] { path.Info.NarSize - 8, path.Info.NarSize + 8 })
        {
            await using var import = host.Writer.BeginImport(announced);
            await import.WriteAsync(path.Nar, ReaderExtensions.Token);
            await Assert.ThrowsAsync<StoreClientException>(() => import.RegisterAsync(path.Info with { NarSize = announced }, ReaderExtensions.Token));
        }

        await path.AddAsync(host.Writer);

        Assert.Equal([path.Path], await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Write_ManyBegunNars_AllBecomeValid()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await OpenAsync(server, new StoreWriterOptions { NarBytesHeldMax = 4 << 20 });
        var paths = Enumerable.Range(0, 24).Select(i => AddedPath.Of(_source.Name($"begun-{i}"), SourceEntry.File(_source.Content(2_500_000)))).ToArray();
        var imports = new List<PathImport>();
        foreach (var path in paths)
        {
            var import = host.Writer.BeginImport(path.Info.NarSize);
            imports.Add(import);
            await import.WriteAsync(path.Nar.AsMemory(0, 2_400_000), ReaderExtensions.Token);
        }

        await Task.WhenAll(imports.Zip(paths, async (import, path) =>
        {
            await import.WriteAsync(path.Nar.AsMemory(2_400_000), ReaderExtensions.Token);
            await import.RegisterAsync(path.Info, ReaderExtensions.Token);
            await import.DisposeAsync();
        }));

        Assert.Equal(paths.Select(path => path.Path).Order(), await host.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Add_PipelineFailsInside_WaitersAreToldAndTheNextAddWorks()
    {
        await using var server = await TestServer.StartAsync();
        var log = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var host = await WriterFixture.OpenAsync(server, new StoreWriterOptions { Log = log.Enqueue, SendsWholeNars = false });
        var waiting = AddedPath.Of(_source.Name("waiting"), SourceEntry.File(_source.Content(500_000)));
        await using var import = host.Writer.BeginImport();
        await import.WriteAsync(waiting.Nar, ReaderExtensions.Token);

        // Twice ready is once too often: the loop that registers ends by an exception of its own.
        var pipeline = import.Pipeline;
        var missing = AddedPath.Of(_source.Name("missing"), SourceEntry.File("never ready"));
        var work = pipeline.Announce(missing.Info);
        var blocked = pipeline.Announce(waiting.Info with { References = [missing.Path] });
        blocked.Message = new NixFuseStore.Protocol.NewPath();
        pipeline.Registrations.Ready(blocked);
        pipeline.Registrations.Ready(blocked);

        await Assert.ThrowsAsync<PipelineFailedException>(() => work.Registered.WaitAsync(TimeSpan.FromSeconds(60), ReaderExtensions.Token));
        await Assert.ThrowsAsync<PipelineFailedException>(
            () => import.RegisterAsync(waiting.Info, ReaderExtensions.Token).WaitAsync(TimeSpan.FromSeconds(60), ReaderExtensions.Token));
        Assert.Single(log);

        await waiting.AddAsync(host.Writer).WaitAsync(TimeSpan.FromSeconds(60), ReaderExtensions.Token);
        Assert.Equal(waiting.Nar, await host.NarAsync(waiting.Path));
    }

    private Task<WriterFixture> OpenAsync(TestServer server, StoreWriterOptions? options = null) =>
        WriterFixture.OpenAsync(server, (options ?? new StoreWriterOptions()) with { SendsWholeNars = wholeNars });
}

/// <summary>Cut here, as for a server elsewhere.</summary>
public sealed class CutNarWriterTests() : StoreWriterTests(wholeNars: false);

/// <summary>Cut by the server, as for one on this host.</summary>
public sealed class WholeNarWriterTests() : StoreWriterTests(wholeNars: true);
