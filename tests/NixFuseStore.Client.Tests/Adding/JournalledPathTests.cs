using System.Collections.Concurrent;
using System.Text;
using NixFuseStore.Client.Adding;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Adding;

public sealed class JournalledPathTests : IDisposable
{
    private static readonly SourceStore Source = new(92);

    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-journal-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Add_TextsThatReferToEachOther_AreValidHereAtOnceAndElsewhereSoon()
    {
        await using var server = await TestServer.StartAsync();
        await using var here = await WriterFixture.OpenAsync(server, Options());
        await using var there = await WriterFixture.OpenAsync(server);
        var chain = Chain("text", 200);

        foreach (var path in chain)
        {
            await path.AddAsync(here.Writer);
            Assert.NotNull(here.Reader.FindKnown(path.Path));
        }

        await ReaderExtensions.EventuallyAsync(() => there.IsValidAsync(chain[^1].Path).GetAwaiter().GetResult(), "the last path is not valid elsewhere");
        Assert.Equal(chain[^1].Nar, await there.NarAsync(chain[^1].Path));
    }

    [Fact]
    public async Task Add_ServerAway_AnswersServesAndRegistersOnceItIsBack()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server, Options());
        await using var there = await WriterFixture.OpenAsync(server);
        await server.StopAsync();
        var chain = Chain("away", 20);

        foreach (var path in chain)
        {
            await path.AddAsync(host.Writer);
        }

        Assert.Equal(chain[7].Nar, await host.NarAsync(chain[7].Path));
        Assert.True(host.Reader.TryGetKnown(Encoding.ASCII.GetBytes(chain[8].Path.BaseName), out _));
        await server.StartAgainAsync();
        await ReaderExtensions.EventuallyAsync(
            () => there.Reader.IsConnected && there.IsValidAsync(chain[^1].Path).GetAwaiter().GetResult(), "what was journalled is not registered");
        Assert.Equal(chain.Select(path => path.Path).Order(), await there.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Recover_AfterTheProcessWasKilled_RegistersWhatWasAnswered()
    {
        await using var server = await TestServer.StartAsync();
        var chain = Chain("killed", 30);
        var killed = await WriterFixture.OpenAsync(server, Options());
        await server.StopAsync();
        foreach (var path in chain)
        {
            await path.AddAsync(killed.Writer);
        }

        await killed.CutOffAsync();
        await server.StartAgainAsync();
        await using var again = await WriterFixture.OpenAsync(server, Options());

        Assert.Equal(chain.Length, again.Recovered);
        Assert.NotNull(again.Reader.FindKnown(chain[^1].Path));
        await using var there = await WriterFixture.OpenAsync(server);
        await ReaderExtensions.EventuallyAsync(() => there.IsValidAsync(chain[^1].Path).GetAwaiter().GetResult(), "what was answered is not registered");
    }

    [Fact]
    public async Task Recover_WithAnotherServer_RegistersNothingThereAndAllAtHome()
    {
        await using var home = await TestServer.StartAsync();
        await using var other = await TestServer.StartAsync();
        var chain = Chain("home", 8);
        var host = await WriterFixture.OpenAsync(home, Options());
        await home.StopAsync();
        foreach (var path in chain)
        {
            await path.AddAsync(host.Writer);
        }

        await host.CutOffAsync();
        await using (var abroad = await WriterFixture.OpenAsync(other, Options()))
        {
            Assert.Equal(0, abroad.Recovered);
            Assert.Single(abroad.Writer.Journal!.OtherStores);
            await AddedPath.Text("abroad", "abroad").AddAsync(abroad.Writer);
        }

        await using var elsewhere = await WriterFixture.OpenAsync(other);
        Assert.Equal(["abroad"], (await elsewhere.Reader.ListValidAsync(ReaderExtensions.Token)).Select(path => path.Name));

        await home.StartAgainAsync();
        await using var again = await WriterFixture.OpenAsync(home, Options());
        Assert.Equal(chain.Length, again.Recovered);
        await ReaderExtensions.EventuallyAsync(() => again.Writer.Journal is { Waiting: 0 }, "what was acknowledged is not registered");
        await using var there = await WriterFixture.OpenAsync(home);
        Assert.Equal(chain.Select(path => path.Path).Order(), await there.Reader.ListValidAsync(ReaderExtensions.Token));
    }

    [Fact]
    public async Task Recover_PathThatWasRevokedMeanwhile_DoesNotComeBack()
    {
        await using var server = await TestServer.StartAsync();
        var log = new ConcurrentQueue<string>();
        var chain = Chain("revoked", 4);
        var host = await WriterFixture.OpenAsync(server, Options());
        await server.StopAsync();
        foreach (var path in chain)
        {
            await path.AddAsync(host.Writer);
        }

        // The journal as a crash would leave it, whose paths were registered all the same.
        await host.CutOffAsync();
        var saved = _directory + ".saved";
        Copy(_directory, saved);
        await server.StartAgainAsync();
        await using (var registering = await WriterFixture.OpenAsync(server, Options()))
        {
            await ReaderExtensions.EventuallyAsync(() => registering.Writer.Journal is { Waiting: 0 }, "what was acknowledged is not registered");
        }

        await server.RevokeAsync(chain[^1].Path);
        Directory.Delete(_directory, recursive: true);
        Directory.Move(saved, _directory);
        await using var again = await WriterFixture.OpenAsync(server, Options() with { Log = log.Enqueue });
        Assert.Equal(chain.Length, again.Recovered);
        await ReaderExtensions.EventuallyAsync(() => again.Writer.Journal is { Waiting: 0 }, "the journal is not done");

        Assert.Equal(0, again.Writer.Journal!.SetAside);
        Assert.Contains("revoked since", Assert.Single(log), StringComparison.Ordinal);
        Assert.Null(again.Reader.FindKnown(chain[^1].Path));
        await using var there = await WriterFixture.OpenAsync(server);
        Assert.Equal(chain[..^1].Select(path => path.Path).Order(), await there.Reader.ListValidAsync(ReaderExtensions.Token));

        // Who adds it anew does so knowingly.
        await chain[^1].AddAsync(again.Writer);
        await ReaderExtensions.EventuallyAsync(() => there.IsValidAsync(chain[^1].Path).GetAwaiter().GetResult(), "what was added anew is not registered");
    }

    [Fact]
    public async Task Recover_PathThatTheServerRefuses_IsSetAsideAndTheOthersAreRegistered()
    {
        await using var server = await TestServer.StartAsync();
        var chain = Chain("aside", 6);
        var host = await WriterFixture.OpenAsync(server, Options());
        await chain[0].AddAsync(host.Writer);
        await ReaderExtensions.EventuallyAsync(() => host.Writer.Journal is { Waiting: 0 }, "the first is not registered");
        await server.StopAsync();
        foreach (var path in chain.Skip(1).Append(AddedPath.Text("free", "refers to nothing")))
        {
            await path.AddAsync(host.Writer);
        }

        // What all but one refer to is gone when they come.
        await host.CutOffAsync();
        await server.StartAgainAsync();
        await server.RevokeAsync(chain[0].Path);
        var log = new ConcurrentQueue<string>();
        await using (var again = await WriterFixture.OpenAsync(server, Options() with { Log = log.Enqueue }))
        {
            await ReaderExtensions.EventuallyAsync(() => again.Writer.Journal is { Waiting: 0, SetAside: 5 }, "they are not set aside");
            Assert.Equal(["free"], (await again.Reader.ListValidAsync(ReaderExtensions.Token)).Select(path => path.Name));
            Assert.Equal(5, log.Count(line => line.Contains("is not valid in the store", StringComparison.Ordinal)));

            // The first one stood in the journal, too, though it had been registered.
            Assert.Single(log, line => line.Contains("revoked since", StringComparison.Ordinal));
            await chain[0].AddAsync(again.Writer);
        }

        // The next process tries them once more.
        await using var next = await WriterFixture.OpenAsync(server, Options());
        await ReaderExtensions.EventuallyAsync(() => next.Writer.Journal is { Waiting: 0, SetAside: 0 }, "what was set aside is not registered");
        await using var there = await WriterFixture.OpenAsync(server);
        Assert.Equal(7, (await there.Reader.ListValidAsync(ReaderExtensions.Token)).Count);
    }

    [Fact]
    public async Task Add_JournalledPath_IsKeptAliveUntilItIsRegistered()
    {
        await using var server = await TestServer.StartAsync();
        var roots = new ConcurrentDictionary<StorePath, Root>();
        await using var host = await WriterFixture.OpenAsync(server, Options() with { Keep = path => roots[path] = new Root() });
        await server.StopAsync();
        var text = AddedPath.Text("kept", "kept");

        await text.AddAsync(host.Writer);

        Assert.False(roots[text.Path].IsReleased);
        await server.StartAgainAsync();
        await ReaderExtensions.EventuallyAsync(() => roots[text.Path].IsReleased, "the root is not released");
        await using var there = await WriterFixture.OpenAsync(server);
        Assert.True(await there.IsValidAsync(text.Path));
    }

    [Fact]
    public async Task Add_MoreThanMayWaitForTheServer_FailsAfterPatience()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server, Options() with { PendingBytesMax = 20_000, Patience = TimeSpan.FromSeconds(2) });
        await server.StopAsync();
        var added = 0;

        await Assert.ThrowsAsync<StoreUnavailableException>(async () =>
        {
            foreach (var path in Enumerable.Range(0, 100).Select(i => AddedPath.Text($"full-{i}", new string('x', 1000) + i)))
            {
                await path.AddAsync(host.Writer);
                added++;
            }
        });

        Assert.InRange(added, 5, 40);
        await server.StartAgainAsync();
        await ReaderExtensions.EventuallyAsync(() => host.Reader.IsConnected, "the server is not back");
        await AddedPath.Text("room-again", "y").AddAsync(host.Writer);
    }

    [Fact]
    public async Task Add_LargePathThatRefersToAJournalledOne_IsRegisteredBehindIt()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server, Options());
        var text = AddedPath.Text("text", "small");
        var large = AddedPath.Of(Source.Name("large"), SourceEntry.File(Source.Content(500_000)), text);

        var adding = text.AddAsync(host.Writer);
        await large.AddAsync(host.Writer);
        await adding;

        await using var there = await WriterFixture.OpenAsync(server);
        Assert.Equal(2, (await there.Reader.FindClosureAsync([large.Path], ReaderExtensions.Token)).Count);
    }

    [Theory]
    [InlineData(16_000, true)]
    [InlineData(16_385, false)]
    [InlineData(300_000, false)]
    public async Task Add_ContentAddressedTree_IsJournalledWhereItIsSmallOnly(int length, bool isJournalled)
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server, Options());
        var tree = AddedPath.Tree("tree", SourceEntry.File(Source.Bytes(length)));

        await tree.AddAsync(host.Writer);

        Assert.Equal(isJournalled, Directory.EnumerateFiles(_directory, "*.log", SearchOption.AllDirectories).Any());
        await using var there = await WriterFixture.OpenAsync(server);
        await ReaderExtensions.EventuallyAsync(() => there.IsValidAsync(tree.Path).GetAwaiter().GetResult(), "the tree is not registered");
        Assert.Equal(tree.Nar, await there.NarAsync(tree.Path));
    }

    [Fact]
    public async Task Add_NameThatIsNotComputedFromTheContent_IsLeftToTheServerWhichRefuses()
    {
        await using var server = await TestServer.StartAsync();
        await using var host = await WriterFixture.OpenAsync(server, Options());
        var text = AddedPath.Text("text", "content");
        var liar = AddedPath.Of(text.Path.BaseName, SourceEntry.File("other content"));
        liar = liar with { Info = liar.Info with { ContentAddress = text.Info.ContentAddress } };

        await Assert.ThrowsAsync<StoreClientException>(() => liar.AddAsync(host.Writer));

        Assert.Null(host.Reader.FindKnown(text.Path));
    }

    private sealed class Root : IDisposable
    {
        public bool IsReleased { get; private set; }

        public void Dispose() => IsReleased = true;
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.EnumerateDirectories(from))
        {
            Copy(directory, Path.Join(to, Path.GetFileName(directory)));
        }

        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Join(to, Path.GetFileName(file)));
        }
    }

    private StoreWriterOptions Options() => new() { JournalDirectory = _directory, Patience = TimeSpan.FromSeconds(20) };

    private static AddedPath[] Chain(string name, int length)
    {
        var chain = new AddedPath[length];
        for (var i = 0; i < length; i++)
        {
            chain[i] = AddedPath.Text($"{name}-{i}", $"{name} {i}", i == 0 ? [] : [chain[i - 1]]);
        }

        return chain;
    }
}
