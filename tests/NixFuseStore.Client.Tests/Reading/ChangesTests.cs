using System.Diagnostics;
using System.Text;
using NixFuseStore.Client.Reading;
using NixFuseStore.Client.Relations;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What is registered and revoked elsewhere.</summary>
public sealed class ChangesTests : IAsyncLifetime
{
    private readonly SourceStore _source = new(4);
    private TestServer _server = null!;
    private TamperingProxy _proxy = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        _proxy = new TamperingProxy(_server.Address);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Watch_Registration_ArrivesWithinASecond()
    {
        using var connection = _server.Connect();
        await using var reader = await connection.OpenAsync();
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var path = _source.Path("new", SourceEntry.File("x"));
        await _server.PushAsync(path);

        var clock = Stopwatch.StartNew();
        Assert.True(await changes.MoveNextAsync());

        Assert.Equal(new StoreChange(StoreChangeKind.Added, path.Path.BaseName), changes.Current);
        Assert.InRange(clock.ElapsedMilliseconds, 0, 1000);
    }

    [Fact]
    public async Task Find_RevokedAndRegisteredWithOtherContent_GivesTheNewContent()
    {
        var name = _source.Name("again");
        var first = new SourcePath(name, SourceEntry.File("first"));
        var second = new SourcePath(name, SourceEntry.File("second"));
        await _server.PushAsync(first);
        using var connection = _server.Connect();
        await using var reader = await connection.OpenAsync();
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var former = await reader.FindAsync(first);
        Assert.Equal("first"u8.ToArray(), await reader.ReadAsync(former, 0));

        await _server.RevokeAsync(first);
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(StoreChangeKind.Removed, changes.Current.Kind);
        Assert.True(former.IsRemoved);
        Assert.False(reader.TryGetKnown(former.BaseName.Span, out _));
        Assert.Null(await reader.FindAsync(first.Path, ReaderExtensions.Token));

        await _server.PushAsync(second);
        var handle = await reader.FindAsync(second);
        Assert.NotSame(former, handle);
        Assert.NotEqual(former.Digest, handle.Digest);
        Assert.Equal("second"u8.ToArray(), await reader.ReadAsync(handle, 0));
    }

    [Fact]
    public async Task Signatures_AddedElsewhere_ShowWithinASecond()
    {
        var (signed, other) = (_source.Path("signed", SourceEntry.File("x")), _source.Path("other", SourceEntry.File("y")));
        await _server.PushAsync(signed, other);
        using var connection = _server.Connect();
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(signed);
        await reader.FindAsync(other);
        await using var elsewhere = await WriterFixture.OpenAsync(_server);
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
        var path = _source.Path("missed", SourceEntry.File("x"));
        var removed = _source.Path("removed", SourceEntry.File("y"));
        await _server.PushAsync(removed);
        using var connection = _server.Connect(_proxy.Address);
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(removed);
        await using var changes = reader.WatchChangesAsync(ReaderExtensions.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        _proxy.Refuse();
        await ReaderExtensions.EventuallyAsync(() => !reader.IsConnected, "the reader notices");
        await _server.PushAsync(path);
        await _server.RevokeAsync(removed);
        _proxy.Accept();

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
