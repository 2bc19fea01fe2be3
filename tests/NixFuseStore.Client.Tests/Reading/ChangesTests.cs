using System.Diagnostics;
using System.Text;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Relations;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Nix;
using NixFuseStore.Testing.Faults;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What is registered and revoked elsewhere.</summary>
public sealed class ChangesTests() : ReaderTest(4)
{
    [Fact]
    public async Task Watch_Registration_Arrives()
    {
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var path = Source.Path("new", SourceEntry.File("x"));
        await Server.PushAsync(path);

        var clock = Stopwatch.StartNew();
        Assert.True(await changes.MoveNextAsync());

        Assert.Equal(new StoreChange(StoreChangeKind.Added, path.Path.BaseName), changes.Current);
        TestContext.Current.TestOutputHelper!.WriteLine($"after {clock.ElapsedMilliseconds} ms");
    }

    [Fact]
    public async Task Find_RevokedAndRegisteredWithOtherContent_GivesTheNewContent()
    {
        var name = Source.Name("again");
        var first = new SourcePath(name, SourceEntry.File("first"));
        var second = new SourcePath(name, SourceEntry.File("second"));
        await Server.PushAsync(first);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var former = await reader.FindAsync(first);
        Assert.Equal("first"u8.ToArray(), await reader.ReadAsync(former, 0));

        await Server.RevokeAsync(first);
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(StoreChangeKind.Removed, changes.Current.Kind);
        Assert.True(former.IsRemoved);
        Assert.False(reader.TryGetKnown(former.BaseName.Span, out _));
        Assert.Null(await reader.FindAsync(first.Path, ReaderExtensions.Token));

        await Server.PushAsync(second);
        var handle = await reader.FindAsync(second);
        Assert.NotSame(former, handle);
        Assert.NotEqual(former.Digest, handle.Digest);
        Assert.Equal("second"u8.ToArray(), await reader.ReadAsync(handle, 0));
    }

    [Fact]
    public async Task Signatures_AddedElsewhere_Show()
    {
        var (signed, other) = (Source.Path("signed", SourceEntry.File("x")), Source.Path("other", SourceEntry.File("y")));
        await Server.PushAsync(signed, other);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(signed);
        await reader.FindAsync(other);
        await using var elsewhere = await WriterFixture.OpenAsync(Server);
        NixSignature[] signatures = [Sign("key-1"), Sign("key-2")];

        await new StoreRelations(elsewhere.Reader).AddSignaturesAsync(signed.Path, signatures, ReaderExtensions.Token);
        var clock = Stopwatch.StartNew();
        await ReaderExtensions.EventuallyAsync(
            () => !signatures.Except(reader.FindKnown(signed.Path)!.Info.Signatures).Any(), "both signatures show");

        TestContext.Current.TestOutputHelper!.WriteLine($"after {clock.ElapsedMilliseconds} ms");
        Assert.Same(handle, reader.FindKnown(signed.Path));
        Assert.Empty(signatures.Intersect(reader.FindKnown(other.Path)!.Info.Signatures));

        NixSignature Sign(string name) => NixSecretKey.Generate(name).Sign(Encoding.UTF8.GetBytes(signed.Path.BaseName));
    }

    [Fact]
    public async Task Watch_CutOff_GoesOnFromTheLastEvent()
    {
        var path = Source.Path("missed", SourceEntry.File("x"));
        var removed = Source.Path("removed", SourceEntry.File("y"));
        await Server.PushAsync(removed);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(removed);
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Proxy.Refuse();
        await ReaderExtensions.EventuallyAsync(() => !reader.IsConnected, "the reader notices");
        await Server.PushAsync(path);
        await Server.RevokeAsync(removed);
        Proxy.Accept();

        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(new StoreChange(StoreChangeKind.Added, path.Path.BaseName), changes.Current);
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(new StoreChange(StoreChangeKind.Removed, removed.Path.BaseName), changes.Current);
        Assert.True(handle.IsRemoved);
    }

    [Theory]
    [InlineData(0)] // fewer events than the reader saw
    [InlineData(1)] // as many
    [InlineData(4)] // more: their number alone tells nothing
    public async Task Watch_DatabaseRestoredAndGrownSince_LostPathIsGone(int grown)
    {
        var (kept, lost) = (Source.Path("kept", SourceEntry.File("k")), Source.Path("lost", SourceEntry.File("l")));
        await Server.PushAsync(kept);
        await Server.StopAsync();
        Server.BackUp();
        await Server.StartAgainAsync();
        await Server.PushAsync(lost);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();
        var (former, lasting) = (await reader.FindAsync(lost), await reader.FindAsync(kept));
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);

        // The reader is away while the database goes back and grows.
        Proxy.Refuse();
        await Server.StopAsync();
        Server.Restore();
        await Server.StartAgainAsync();
        for (var i = 0; i < grown; i++)
        {
            await Server.PushAsync(Source.Path($"since-{i}", SourceEntry.File($"{i}")));
        }

        Proxy.Accept();
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(StoreChangeKind.Resync, changes.Current.Kind);
        var found = await reader.FindManyAsync([kept.Path, lost.Path], ReaderExtensions.Token);
        Assert.Same(lasting, found[0]);
        Assert.Null(found[1]);
        Assert.True(former.IsRemoved);
        Assert.False(reader.TryGetKnown(former.BaseName.Span, out _));

        // Numbers of before stand in nothing's way: the path comes back and goes, under numbers that were used before.
        await Server.PushAsync(lost);
        Assert.Equal(lost.Path, (await reader.FindAsync(lost)).Path);
        await Server.RevokeAsync(lost);
        await ReaderExtensions.EventuallyAsync(() => !reader.TryGetKnown(former.BaseName.Span, out _), "the removal arrives");
    }

    [Fact]
    public async Task Watch_RequestsMovedToAnotherServer_FollowsThemAtOnce()
    {
        await using var second = new TamperingProxy(Server.Address);
        using var connection = new ServerConnection(new ServerConnectionOptions { Servers = [Proxy.Address, second.Address] });
        await using var reader = await connection.OpenAsync();
        Assert.Equal(Proxy.Address, connection.Current.Address);
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var (asked, added) = (Source.Path("asked", SourceEntry.File("x")), Source.Path("added", SourceEntry.File("y")));

        // Silent, so that nothing tells the watch that its server is gone; the request is answered by the other one.
        Proxy.Silent = true;
        Assert.Null(Assert.Single(await reader.FindManyAsync([asked.Path], ReaderExtensions.Token)));
        Assert.Equal(second.Address, connection.Current.Address);

        var clock = Stopwatch.StartNew();
        await Server.PushAsync(added);
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(new StoreChange(StoreChangeKind.Added, added.Path.BaseName), changes.Current);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"heard after {clock.Elapsed}, silence is noticed after 25 s");
        Proxy.Silent = false;
    }

    [Fact]
    public async Task List_SaysWhatTheStoreSigned_AndNothingMoreWhereThatWasChanged()
    {
        var (file, directory) = (Source.Path("file", SourceEntry.File("four")), Source.Path("directory", SourceEntry.Directory(("f", SourceEntry.File("x")))));
        await Server.PushAsync(file, directory);
        using var connection = Server.Connect(Proxy.Address);
        await using var reader = await connection.OpenAsync();

        var page = await reader.ListAsync("", 100, ReaderExtensions.Token);
        Assert.Equal(2, page.Entries.Count);
        foreach (var path in new[] { file, directory })
        {
            var handle = await reader.FindAsync(path);
            var entry = page.Entries.Single(e => e.BaseName == path.Path.BaseName);
            Assert.Equal(new ListedContent(handle.Digest, handle.Header.EntryCount, handle.Header.RootIsExecutable, handle.Header.RootSize), entry.Content);
            Assert.Equal(handle.Header.RootKind, entry.Kind);
        }

        Proxy.Tamper((await reader.FindAsync(file)).Digest.ToArray());
        page = await reader.ListAsync("", 100, ReaderExtensions.Token);
        Assert.True(Proxy.Changed > 0);
        Assert.Equal(2, page.Entries.Count);
        Assert.All(page.Entries, entry => Assert.Null(entry.Content));
    }

    [Fact]
    public async Task Hub_SlowWatcher_GetsOneResync()
    {
        var hub = new ChangeHub();
        await using var changes = hub.Watch(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        for (var i = 0; i < 8193; i++)
        {
            hub.Publish(new StoreChange(StoreChangeKind.Added, "x"));
        }

        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(StoreChangeKind.Resync, changes.Current.Kind);
        hub.Close();
        Assert.False(await changes.MoveNextAsync());
    }
}
