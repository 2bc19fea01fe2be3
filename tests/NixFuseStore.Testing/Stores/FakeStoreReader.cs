using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Contracts;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Testing.Stores;

/// <summary>
/// A store in memory that behaves like a remote one: paths are known only after they were found, trees and content only after they
/// were fetched, each fetch can be held up or made to fail, and changes are announced.
/// </summary>
public sealed class FakeStoreReader : IStoreReader
{
    private readonly ConcurrentDictionary<string, FakeStorePath> _valid = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, FakeStorePath> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, FakeStorePath>.AlternateLookup<ReadOnlySpan<char>> _knownByChars;
    private readonly ConcurrentDictionary<PathHandle, FakeStorePath> _byHandle = [];
    private readonly ConcurrentDictionary<(PathHandle, int), bool> _warm = [];
    private readonly List<Channel<StoreChange>> _watchers = [];
    private readonly Lock _gate = new();

    public FakeStoreReader(StoreDirectory? directory = null)
    {
        Directory = directory ?? StoreDirectory.Default;
        _knownByChars = _known.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public StoreDirectory Directory { get; }

    /// <summary>Awaited by everything that a real reader would ask the server for; throw in it to play an outage.</summary>
    public Func<CancellationToken, Task>? Network { get; set; }

    /// <summary>Questions that went to the "server".</summary>
    public ConcurrentQueue<string> Questions { get; } = new();

    /// <summary>Whether listings are signed, so that they say more than names and kinds.</summary>
    public bool SignsListings { get; set; }

    /// <summary>Valid paths whose records do not verify.</summary>
    public ConcurrentDictionary<string, bool> Unverifiable { get; } = new(StringComparer.Ordinal);

    /// <summary>A <see cref="Network"/> that is down.</summary>
    public static Task Away(CancellationToken cancellationToken) => throw new StoreUnavailableException("the test's server is away");

    /// <summary>Makes a path valid. <paramref name="announce"/>: tell the watchers.</summary>
    public FakeStorePath Add(string baseName, FakeTree tree, bool announce = true)
    {
        var path = new FakeStorePath(Directory, StorePath.ParseBaseName(baseName), tree);
        _valid[baseName] = path;
        _byHandle[path.Handle] = path;
        if (announce)
        {
            Announce(new StoreChange(StoreChangeKind.Added, baseName));
        }

        return path;
    }

    public void Remove(string baseName, bool announce = true)
    {
        if (_valid.TryRemove(baseName, out var path))
        {
            path.Handle.IsRemoved = true;
            _known.TryRemove(baseName, out _);
        }

        if (announce)
        {
            Announce(new StoreChange(StoreChangeKind.Removed, baseName));
        }
    }

    /// <summary>As after a time without connection: what was known is asked for again.</summary>
    public void Resync()
    {
        _known.Clear();
        Announce(new StoreChange(StoreChangeKind.Resync, ""));
    }

    /// <summary>Drops all trees from memory, as their bound does.</summary>
    public void DropTrees()
    {
        foreach (var path in _byHandle.Values)
        {
            path.Handle.Tree = null;
        }
    }

    public bool TryGetKnown(ReadOnlySpan<byte> baseName, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PathHandle? handle)
    {
        Span<char> name = stackalloc char[baseName.Length];
        Encoding.Latin1.GetChars(baseName, name);
        var known = _knownByChars.TryGetValue(name, out var path);
        handle = path?.Handle;
        return known;
    }

    public async ValueTask<PathHandle?> FindAsync(StorePath path, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue(path.BaseName, out var known))
        {
            return known.Handle;
        }

        await AskAsync("find " + path.BaseName, cancellationToken);
        Check(path);
        return Learn(path);
    }

    public async ValueTask<PathHandle?[]> FindManyAsync(IReadOnlyList<StorePath> paths, CancellationToken cancellationToken)
    {
        await AskAsync($"find {paths.Count}", cancellationToken);
        Check(paths[0]);
        return [.. paths.Select(path => Unverifiable.ContainsKey(path.BaseName) ? null : Learn(path))];
    }

    public async ValueTask<ManifestTree> GetTreeAsync(PathHandle handle, CancellationToken cancellationToken)
    {
        if (handle.Tree is { } present)
        {
            return present;
        }

        await AskAsync("tree " + handle.Path.BaseName, cancellationToken);
        return handle.Tree = _byHandle[handle].Tree;
    }

    public async ValueTask<ReadLease> ReadAsync(PathHandle handle, int entry, ulong offset, int length, CancellationToken cancellationToken)
    {
        if (!_warm.ContainsKey((handle, entry)))
        {
            await AskAsync($"read {handle.Path.BaseName} {entry}", cancellationToken);
            _warm[(handle, entry)] = true;
        }

        return _byHandle[handle].Read(entry, offset, length);
    }

    public bool TryRead(PathHandle handle, int entry, ulong offset, int length, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out ReadLease? lease)
    {
        lease = _warm.ContainsKey((handle, entry)) ? _byHandle[handle].Read(entry, offset, length) : null;
        return lease is not null;
    }

    public async ValueTask<byte[]> ReadLinkAsync(PathHandle handle, int entry, CancellationToken cancellationToken)
    {
        var tree = await GetTreeAsync(handle, cancellationToken);
        var target = new byte[tree.Size(entry)];
        tree.GetTarget(entry, handle.Header, target);
        return target;
    }

    public bool TryReadLink(PathHandle handle, int entry, Span<byte> destination, out int written)
    {
        written = 0;
        if (handle.Tree is not { } tree)
        {
            return false;
        }

        written = tree.GetTarget(entry, handle.Header, destination);
        return true;
    }

    public async ValueTask<ListingPage> ListAsync(string after, int limit, CancellationToken cancellationToken)
    {
        await AskAsync($"list {after}", cancellationToken);
        var rest = _valid.Keys.Where(name => string.CompareOrdinal(name, after) > 0).Order(StringComparer.Ordinal).ToArray();
        var entries = rest.Take(limit).Select(name => _valid.TryGetValue(name, out var path)
            ? new ListingEntry(name, path.Tree.Kind(0))
            {
                Content = SignsListings ? new ListedContent(path.Handle.Digest, path.Tree.Count, path.Tree.IsExecutable(0), path.Handle.Header.RootSize) : null,
            }
            : new ListingEntry(name, EntryKind.Directory));
        return new ListingPage([.. entries], rest.Length <= limit);
    }

    public IAsyncEnumerable<StoreChange> WatchChangesAsync(CancellationToken cancellationToken)
    {
        var changes = Channel.CreateUnbounded<StoreChange>();
        lock (_gate)
        {
            _watchers.Add(changes);
        }

        return changes.Reader.ReadAllAsync(cancellationToken);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Check(StorePath path)
    {
        if (Unverifiable.ContainsKey(path.BaseName))
        {
            throw new StoreVerificationException($"the test's record of {path} does not verify");
        }
    }

    private PathHandle? Learn(StorePath path)
    {
        if (!_valid.TryGetValue(path.BaseName, out var valid))
        {
            return null;
        }

        _known[path.BaseName] = valid;
        return valid.Handle;
    }

    private async Task AskAsync(string question, CancellationToken cancellationToken)
    {
        Questions.Enqueue(question);
        if (Network is { } network)
        {
            await network(cancellationToken);
        }
    }

    private void Announce(StoreChange change)
    {
        lock (_gate)
        {
            foreach (var watcher in _watchers)
            {
                watcher.Writer.TryWrite(change);
            }
        }
    }
}
