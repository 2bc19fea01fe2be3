using System.Diagnostics;
using System.Text;
using NixFuseStore.Client.Reading;
using NixFuseStore.Client.Relations;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What is registered and revoked elsewhere.</summary>
public sealed class ChangesTests() : ReaderTest(4)
{
    [Fact]
    public async Task Watch_Registration_ArrivesWithinASecond()
    {
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var path = Source.Path("new", SourceEntry.File("x"));
        await Server.PushAsync(path);

        var clock = Stopwatch.StartNew();
        Assert.True(await changes.MoveNextAsync());

        Assert.Equal(new StoreChange(StoreChangeKind.Added, path.Path.BaseName), changes.Current);
        Assert.InRange(clock.ElapsedMilliseconds, 0, 1000);
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
    public async Task Signatures_AddedElsewhere_ShowWithinASecond()
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

        Assert.InRange(clock.ElapsedMilliseconds, 0, 1000);
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
