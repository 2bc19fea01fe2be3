using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Contracts;
using NixFuseStore.Client.Lookup;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Prefetch.Programs;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Prefetch;

/// <summary>
/// Fetches content before it is asked for. It is told what readers do, and asks its sources what comes next: reading on and around
/// (<see cref="ReadAheadPolicy"/>), files that are read in pairs, files that were looked up, programs that start, what other hosts read, the next path,
/// a scan of the store. All of them share one table of hit rates, and one budget: the read-ahead queue of <see cref="ChunkFetcher"/>, of which no more
/// is under way than the link carries. Never waits, and hardly costs its caller anything; any thread.
/// </summary>
internal sealed class PrefetchPlanner : IAsyncDisposable
{
    /// <summary>No program is shorter.</summary>
    private const ulong ProgramBytesMin = 64;

    private readonly ClosureFetcher _closures;
    private readonly ChunkFetcher _chunks;
    private readonly ReadAheadPolicy _policy;
    private readonly AccessProfileRecorder _recorder;
    private readonly LookupPrefetch _lookups;
    private readonly NextPathPrefetch _nextPaths;
    private readonly ProfilePrefetch _profiles;
    private readonly ProgramReadAhead _programs;
    private readonly ScanPrefetch _scans;
    private readonly CancellationTokenSource _stop = new();

    /// <param name="reader">Finds the files that programs need.</param>
    /// <param name="finder">What is known here.</param>
    /// <param name="table">Records in memory.</param>
    /// <param name="listing">Names of the store.</param>
    /// <param name="closures">Brings records.</param>
    /// <param name="contents">Opens trees and chunk lists.</param>
    /// <param name="chunks">Brings chunks.</param>
    /// <param name="policy">Reading on and around.</param>
    /// <param name="rates">What became of what was fetched.</param>
    /// <param name="profiles">What other hosts read.</param>
    /// <param name="recorder">Tells other hosts what is read here. Disposed here.</param>
    /// <param name="programs">Reads parts of programs.</param>
    public PrefetchPlanner(
        IStoreReader reader,
        PathFinder finder,
        PathTable table,
        PathListing listing,
        ClosureFetcher closures,
        ContentLoader contents,
        ChunkFetcher chunks,
        ReadAheadPolicy policy,
        PrefetchHitRates rates,
        AccessProfiles profiles,
        AccessProfileRecorder recorder,
        IProgramFetcher programs)
    {
        _closures = closures;
        _chunks = chunks;
        _policy = policy;
        _recorder = recorder;
        _lookups = new LookupPrefetch(chunks, rates);
        _nextPaths = new NextPathPrefetch(contents, chunks, policy, _stop.Token);
        _profiles = new ProfilePrefetch(finder, table, closures, profiles, contents, chunks);
        _programs = new ProgramReadAhead(reader, programs, _stop.Token);
        _scans = new ScanPrefetch(finder, listing, closures, contents, chunks, policy, _stop.Token);
    }

    /// <summary>How often the beginning of a next path was asked for.</summary>
    public int NextPathsEntered => _nextPaths.Entered;

    /// <summary>A program looked up a file by name.</summary>
    public void OnLookup(PathHandle handle, int entry)
    {
        if (handle.Tree is { } tree && handle.Content is { } content)
        {
            _lookups.OnLookup(content, tree, entry);
        }
    }

    /// <summary>A program lists what is directly in a path.</summary>
    public void OnListed(PathHandle handle) => _nextPaths.OnListed(handle);

    /// <summary>A tree is wanted that is not in memory.</summary>
    public void OnTreeWanted(PathHandle handle)
    {
        _closures.OnTreeWanted();
        _scans.OnEntered(handle, read: false);
    }

    /// <summary>Content is wanted of a path whose chunk list is not in memory.</summary>
    public void OnContentWanted(PathHandle handle)
    {
        _scans.OnEntered(handle, read: true);
        BackgroundPrefetch.Start(() => _profiles.FetchAsync(handle, _stop.Token));
    }

    /// <summary>A read was asked for: what lies behind, around and beside it.</summary>
    /// <param name="content">The path.</param>
    /// <param name="tree">Its tree.</param>
    /// <param name="entry">The file.</param>
    /// <param name="range">What is read; not empty.</param>
    /// <param name="missed">Whether the reader has to wait.</param>
    public void OnRead(PathContent content, ManifestTree tree, int entry, in ContentRange range, bool missed)
    {
        // What is on its way because other hosts read it says nothing of what else will be read.
        missed = missed && !content.AreExpected(range.FirstChunk, range.ChunkCount);
        var access = SiblingPrefetch.Describe(tree, entry, range.StreamStart, range.Length, missed);
        MarkRead(content, in range, access.FileStart);

        var plan = _policy.Plan(content.ReadAhead, in access, _chunks.Link.ForReadAhead, content.Chunks.StreamLength);
        if (!plan.IsEmpty)
        {
            _chunks.ReadAhead(content, in plan, access.FileStart);
        }

        if (plan.Beyond > 0)
        {
            _nextPaths.OnEnd(content.Handle, plan.Beyond);
        }

        if (range.StreamStart == access.FileStart && content.TryStart(entry) && content.Companions.OnRead(tree, entry) is var companion and >= 0)
        {
            _lookups.OnLookup(content, tree, companion);
        }
    }

    /// <summary>Bytes that were read are at hand: the first ones of a file may say that a program starts.</summary>
    public void OnArrived(PathHandle handle, ManifestTree tree, int entry, in ContentRange range, ReadLease lease)
    {
        if (range.StreamStart == (long)tree.StreamOffset(entry) && tree.Size(entry) > ProgramBytesMin)
        {
            _programs.OnHead(new StoreFile(handle, tree, entry), lease.Segments[0].Span);
        }
    }

    /// <summary>Ends what runs, and tells other hosts what was read and not told yet.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _recorder.DisposeAsync().ConfigureAwait(false);
        _programs.Dispose();
        _stop.Dispose();
    }

    private void MarkRead(PathContent content, in ContentRange range, long fileStart)
    {
        for (var i = range.FirstChunk; i < range.FirstChunk + range.ChunkCount; i++)
        {
            if (!content.MarkRead(i, out var kind))
            {
                continue;
            }

            _recorder.OnRead(content);
            if (kind != ReadAheadKind.None)
            {
                var length = content.Chunks.Length(i);
                _policy.OnUsed(content.ReadAhead, kind, fileStart, length);
                Interlocked.Add(ref _chunks.Counters.ReadAheadUsedBytes, length);
            }
        }
    }
}
