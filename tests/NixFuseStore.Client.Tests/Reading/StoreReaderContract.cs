using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Contracts;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What the file system relies on: the reader in memory, which its tests use, answers as one of a real server does.</summary>
public abstract class StoreReaderContract : IAsyncLifetime
{
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(300_000);
    private static readonly string[] Names = [Name(1, "one"), Name(2, "two"), Name(3, "three")];
    private static readonly string Absent = Name(9, "absent");

    private IStoreReader _reader = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static FakeTree Tree => FakeTree.Directory(
        ("bin", FakeTree.Directory(("run", FakeTree.File("#!/bin/sh\n", executable: true)))),
        ("data", FakeTree.File(Content)),
        ("empty", FakeTree.File("")),
        ("link", FakeTree.Link($"/nix/store/{Names[0]}/data")));

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _reader = await OpenAsync();
        await AddAsync(Names[0], Tree);
        await AddAsync(Names[1], FakeTree.File("two"));
        await AddAsync(Names[2], FakeTree.Link("three"));
    }

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }

    [Fact]
    public async Task Find_ValidPath_IsKnownFromThenOn()
    {
        Assert.False(_reader.TryGetKnown(Encoding.ASCII.GetBytes(Names[1]), out _));

        var handle = await _reader.FindAsync(StorePath.ParseBaseName(Names[1]), Token);

        Assert.Equal(Names[1], handle?.Path.BaseName);
        Assert.True(_reader.TryGetKnown(Encoding.ASCII.GetBytes(Names[1]), out var known));
        Assert.Same(handle, known);
        Assert.Equal((EntryKind.Regular, 3UL), (handle!.Header.RootKind, handle.Header.RootSize));
    }

    [Fact]
    public async Task Find_PathThatIsNotValid_IsNullAndNotRemembered()
    {
        Assert.Null(await _reader.FindAsync(StorePath.ParseBaseName(Absent), Token));
        await AddAsync(Absent, FakeTree.File("now"));

        Assert.NotNull(await _reader.FindAsync(StorePath.ParseBaseName(Absent), Token));
    }

    [Fact]
    public async Task FindMany_GivesNullAtThePlaceOfWhatIsNotValid()
    {
        var found = await _reader.FindManyAsync([.. ((string[])[Names[2], Absent, Names[0]]).Select(StorePath.ParseBaseName)], Token);

        Assert.Equal([Names[2], null, Names[0]], found.Select(handle => handle?.Path.BaseName));
    }

    [Fact]
    public async Task GetTree_HasEveryEntryAndStaysAtHand()
    {
        var handle = await FindAsync();

        var tree = await _reader.GetTreeAsync(handle, Token);

        Assert.Same(tree, handle.Tree);
        Assert.Equal(["", "bin", "data", "empty", "link", "run"], Enumerable.Range(0, tree.Count).Select(i => Encoding.ASCII.GetString(tree.Name(i))));
        Assert.True(tree.IsExecutable(tree.Entry("bin/run")));
        Assert.Equal((ulong)Content.Length, tree.Size(tree.Entry("data")));
    }

    [Theory]
    [InlineData(0, 300_000, 300_000)]
    [InlineData(0, 1, 1)]
    [InlineData(299_999, 4096, 1)]
    [InlineData(100_001, 131_072, 131_072)]
    [InlineData(300_000, 1, 0)]
    [InlineData(400_000, 1, 0)]
    public async Task Read_AnyRange_GivesExactlyWhatIsThereAndAgainFromMemory(int offset, int length, int expected)
    {
        var handle = await FindAsync();
        var entry = (await _reader.GetTreeAsync(handle, Token)).Entry("data");

        using (var lease = await _reader.ReadAsync(handle, entry, (ulong)offset, length, Token))
        {
            Assert.Equal(Content[Math.Min(offset, Content.Length)..][..expected], Bytes(lease));
        }

        Assert.True(_reader.TryRead(handle, entry, (ulong)offset, length, out var again));
        using (again)
        {
            Assert.Equal(Content[Math.Min(offset, Content.Length)..][..expected], Bytes(again));
        }
    }

    [Fact]
    public async Task ReadLink_GivesTheTargetWithItsHash()
    {
        var handle = await FindAsync();
        var entry = (await _reader.GetTreeAsync(handle, Token)).Entry("link");
        var target = Encoding.ASCII.GetBytes($"/nix/store/{Names[0]}/data");

        Assert.Equal(target, await _reader.ReadLinkAsync(handle, entry, Token));
        var destination = new byte[4096];
        Assert.True(_reader.TryReadLink(handle, entry, destination, out var written));
        Assert.Equal(target, destination[..written]);
    }

    [Fact]
    public async Task List_GivesAllInOrderPageByPage()
    {
        var listed = new List<ListingEntry>();
        ListingPage page;
        do
        {
            page = await _reader.ListAsync(listed.Count == 0 ? "" : listed[^1].BaseName, 2, Token);
            Assert.InRange(page.Entries.Count, 0, 2);
            listed.AddRange(page.Entries);
        }
        while (!page.IsLast);

        Assert.Equal(Names.Order(StringComparer.Ordinal), listed.Select(entry => entry.BaseName));
        Assert.Equal(EntryKind.Directory, listed.Single(entry => entry.BaseName == Names[0]).Kind);
        Assert.Equal(EntryKind.Symlink, listed.Single(entry => entry.BaseName == Names[2]).Kind);
    }

    [Fact]
    public async Task WatchChanges_TellsWhatComesAndGoes_AndWhatIsGoneIsForgotten()
    {
        await _reader.FindAsync(StorePath.ParseBaseName(Names[1]), Token);
        await using var changes = _reader.WatchChangesAsync(Token).GetAsyncEnumerator(Token);

        // Changes count from the call on, not from the first wait for one.
        await AddAsync(Absent, FakeTree.File("new"));
        Assert.True(await changes.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), Token));
        while (changes.Current.BaseName != Absent)
        {
            Assert.True(await changes.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), Token));
        }

        Assert.Equal(StoreChangeKind.Added, changes.Current.Kind);
        await RemoveAsync(Names[1]);
        Assert.True(await changes.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), Token));
        Assert.Equal(new StoreChange(StoreChangeKind.Removed, Names[1]), changes.Current);
        Assert.False(_reader.TryGetKnown(Encoding.ASCII.GetBytes(Names[1]), out _));
        Assert.Null(await _reader.FindAsync(StorePath.ParseBaseName(Names[1]), Token));
    }

    private protected abstract Task<IStoreReader> OpenAsync();

    private protected abstract Task AddAsync(string baseName, FakeTree tree);

    private protected abstract Task RemoveAsync(string baseName);

    private async Task<PathHandle> FindAsync() => (await _reader.FindAsync(StorePath.ParseBaseName(Names[0]), Token))!;

    private static byte[] Bytes(ReadLease lease)
    {
        var bytes = new byte[lease.Length];
        lease.CopyTo(bytes);
        return bytes;
    }

    private static string Name(byte hash, string name) => StorePath.Create(Enumerable.Repeat(hash, 20).ToArray(), name).BaseName;
}

/// <summary>The reader in memory.</summary>
public sealed class FakeStoreReaderTests : StoreReaderContract
{
    private readonly FakeStoreReader _reader = new();

    private protected override Task<IStoreReader> OpenAsync() => Task.FromResult<IStoreReader>(_reader);

    private protected override Task AddAsync(string baseName, FakeTree tree)
    {
        _reader.Add(baseName, tree);
        return Task.CompletedTask;
    }

    private protected override Task RemoveAsync(string baseName)
    {
        _reader.Remove(baseName);
        return Task.CompletedTask;
    }
}

/// <summary>One of a real server.</summary>
public sealed class ServedStoreReaderTests : StoreReaderContract
{
    private TestServer? _server;
    private ServerConnection? _connection;
    private StoreReader? _reader;

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (_reader is not null)
        {
            await _reader.DisposeAsync();
        }

        _connection?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        await base.DisposeAsync();
    }

    private protected override async Task<IStoreReader> OpenAsync()
    {
        _server = await TestServer.StartAsync();
        _connection = _server.Connect();
        return _reader = await _connection.OpenAsync();
    }

    private protected override Task AddAsync(string baseName, FakeTree tree) => _server!.PushAsync(new SourcePath(baseName, tree.Send));

    private protected override Task RemoveAsync(string baseName) => _server!.RevokeAsync(StorePath.ParseBaseName(baseName));
}
