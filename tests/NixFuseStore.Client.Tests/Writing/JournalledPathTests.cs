using System.Text;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Writing;

namespace NixFuseStore.Client.Tests.Writing;

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

        var started = DateTime.UtcNow;
        await ReaderExtensions.EventuallyAsync(() => there.IsValidAsync(chain[^1].Path).GetAwaiter().GetResult(), "the last path is not valid elsewhere");
        Assert.True(DateTime.UtcNow - started < TimeSpan.FromSeconds(5));
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

        await killed.KillAsync();
        await server.StartAgainAsync();
        await using var again = await WriterFixture.OpenAsync(server, Options());

        Assert.Equal(chain.Length, again.Writer.Recover());
        Assert.NotNull(again.Reader.FindKnown(chain[^1].Path));
        await using var there = await WriterFixture.OpenAsync(server);
        await ReaderExtensions.EventuallyAsync(() => there.IsValidAsync(chain[^1].Path).GetAwaiter().GetResult(), "what was answered is not registered");
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

        Assert.Equal(isJournalled, File.Exists(Path.Join(_directory, "paths")));
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
