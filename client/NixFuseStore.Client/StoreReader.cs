using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using NixFuseStore.Cache;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Contracts;
using NixFuseStore.Client.Lookup;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Pending;
using NixFuseStore.Client.Prefetch;
using NixFuseStore.Client.Prefetch.Programs;
using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Client.Reading;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client;

/// <summary>
/// A store on a server, read lazily and verified: puts the parts together, and hands each call to the one that answers it. Any thread.
/// </summary>
public sealed class StoreReader : IStoreReader
{
    /// <summary>The caller of an upstream lookup has the deadline of a lookup, part of which has passed.</summary>
    private const double UpstreamPatienceShare = 0.8;

    private readonly ServerConnection _connection;
    private readonly StoreReaderOptions _options;
    private readonly MetadataCache _metadata;
    private readonly ServerHealth _health;
    private readonly StoreMonitor _monitor;
    private readonly StoreIdentity _identity;
    private readonly ChangeHub _changes = new();
    private readonly PathTable _table = new();
    private readonly SectionFetcher _sections;
    private readonly ClosureFetcher _closures;
    private readonly RecordRefresher _refresher;
    private readonly ContentMemory _contentMemory;
    private readonly IdlePathTrimmer _trimmer;
    private readonly PathFinder _finder;
    private readonly PathQueries _queries;
    private readonly PathListing _listing;
    private readonly UpstreamImports _imports;
    private readonly AddedPaths _added;
    private readonly ChunkMemory _chunkMemory;
    private readonly ChunkFetcher _chunks;
    private readonly PrefetchPlanner _planner;
    private readonly ExplicitPrefetch _prefetch;
    private readonly FileReader _files;
    private readonly WholePathReader _wholePaths;
    private readonly Task<IChunkCache?> _cache;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();

    private StoreReader(ServerConnection connection, Task<IChunkCache?> cache, MetadataCache metadata, StoreReaderOptions options)
    {
        _connection = connection;
        _options = options;
        _metadata = metadata;
        _cache = cache;
        _time = options.TimeProvider;

        // 1. What is valid: records of paths.
        var pending = new PendingPaths();
        _health = new ServerHealth(_time);
        _identity = new StoreIdentity(connection, metadata, options.TrustedPublicKeys);
        _sections = new SectionFetcher(connection, _health, metadata, _time);
        _closures = new ClosureFetcher(connection, _health, _table, metadata, _sections, Profiles);
        Calls = new RetryPolicy(connection, _health, _time);
        _refresher = new RecordRefresher(_table, _closures, _time);
        _finder = new PathFinder(connection, _health, _identity, _table, pending, metadata, _closures, options.LookupDeadline, _time);
        _queries = new PathQueries(Calls, _health, _finder, _table, pending, new RecordFetcher(Calls, _closures), _closures, options.TreeDeadline);
        _listing = new PathListing(connection, _health, _identity, pending, metadata, options.LookupDeadline);
        _imports = new UpstreamImports(Calls, _time, _stop.Token);
        _monitor = new StoreMonitor(
            connection, _health, new StoreEventHandler(_identity, _table, metadata, _listing, _refresher, _changes), _time);

        // 2. What is in them: trees, chunk lists, chunks.
        _contentMemory = new ContentMemory(options.SectionMemoryBytesMax);
        _trimmer = new IdlePathTrimmer(_table, _contentMemory, _time);
        _chunkMemory = new ChunkMemory(options.ChunkMemoryBytesMax);
        _added = new AddedPaths(_identity, _table, pending, metadata, _sections, _contentMemory, _chunkMemory, _changes);
        var contents = new ContentLoader(_sections, _health, _contentMemory, options.TreeDeadline) { OnTreeMissing = handle => _closures.FetchClosureAsync(handle) };
        var rates = new PrefetchHitRates();
        var policy = new ReadAheadPolicy(new ReadAheadOptions(), rates);
        _chunks = new ChunkFetcher(connection, _health, _chunkMemory, pending, cache, policy, _time);

        // 3. What will be read, and what is read.
        _planner = new PrefetchPlanner(
            this,
            _finder,
            _table,
            _listing,
            _closures,
            contents,
            _chunks,
            policy,
            rates,
            Profiles,
            new AccessProfileRecorder(connection, _health, _time),
            new ProgramFetcher(contents, _chunks, options.TreeDeadline, _time));
        _prefetch = new ExplicitPrefetch(cache, _health, _sections, contents, _chunks, options.TreeDeadline, options.ReadDeadline, _time);
        _files = new FileReader(connection, _health, contents, _chunkMemory, _chunks, _planner, options.ReadDeadline, _time);
        _wholePaths = new WholePathReader(_files, StoreReaderOptions.ReadBytesMax);
    }

    /// <inheritdoc/>
    public StoreDirectory Directory => _identity.Verifier.Directory;

    /// <summary>Whether the server is in touch.</summary>
    public bool IsConnected => _health.IsUp;

    /// <summary>Whether the caller's token may write; null before the first contact.</summary>
    public bool? MayWrite => _identity.IsMet ? _identity.Store.MayWrite : null;

    /// <summary>Ends when the server was met, or could not be.</summary>
    public Task FirstContact => _monitor.FirstContact;

    /// <summary>Keys whose statements are believed.</summary>
    public IReadOnlyList<NixPublicKey> TrustedKeys => _identity.Verifier.TrustedKeys;

    /// <summary>State and counters. Cheap enough to be asked for every second.</summary>
    public StoreReaderStatus Status
    {
        get
        {
            var counters = _chunks.Counters;
            return new StoreReaderStatus
            {
                Server = _connection.Current.Address,
                StoreName = _connection.StoreName,
                IsConnected = _health.IsUp,
                Since = _time.GetUtcNow() - _health.TimeInState,
                Failure = _health.Failure?.Message,
                LastEvent = _monitor.LastEvent,
                KnownPaths = _table.Count,
                CachedMetadata = _metadata.Count,
                ManifestMemoryBytes = _contentMemory.Bytes,
                ChunkMemoryBytes = _chunkMemory.Bytes,
                MetadataRequests = _closures.RequestCount + _sections.RequestCount,
                DemandRequests = Volatile.Read(ref counters.DemandRequests),
                ReadAheadRequests = Volatile.Read(ref counters.ReadAheadRequests),
                BulkRequests = Volatile.Read(ref counters.BulkRequests),
                FailedRequests = Volatile.Read(ref counters.FailedRequests),
                ChunksInFlight = _chunks.InFlight,
                ReceivedChunks = Volatile.Read(ref counters.ReceivedChunks),
                ReceivedBytes = Volatile.Read(ref counters.ReceivedBytes),
                ReceivedPlainBytes = Volatile.Read(ref counters.ReceivedPlainBytes),
                ChunksFromDisk = Volatile.Read(ref counters.DiskChunks),
                ReadAheadBytes = Volatile.Read(ref counters.ReadAheadBytes),
                ReadAheadUsedBytes = Volatile.Read(ref counters.ReadAheadUsedBytes),
                BadChunks = Volatile.Read(ref counters.BadChunks),
                RoundTrip = _chunks.Link.RoundTrip,
                BytesPerSecond = _chunks.Link.BytesPerSecond,
            };
        }
    }

    /// <summary>For calls that are no part of reading.</summary>
    internal RetryPolicy Calls { get; }

    /// <summary>What servers say that other hosts read.</summary>
    internal AccessProfiles Profiles { get; } = new();

    /// <summary>How often the beginning of a next path was asked for.</summary>
    internal int NextPathsEntered => _planner.NextPathsEntered;

    /// <summary>Id of the chunking parameters that the server wants.</summary>
    internal uint ChunkingParametersId => _identity.Store.ChunkingParameters;

    /// <summary>The store's random id, given when it was made; empty where the server does not say.</summary>
    internal ByteString StoreId => _identity.Store.StoreId;

    /// <summary>What tells this store from all others, of other servers too: its id, its name, its directory.</summary>
    internal string Identity => _identity.Text;

    /// <summary>Number of the last event of the store that is known here; null before the first contact.</summary>
    internal ulong? LastEvent => _identity.IsMet ? _monitor.LastEvent : null;

    /// <summary>How long the server has been away; null while it is there.</summary>
    internal TimeSpan? AwayFor => _health.IsUp ? null : _health.TimeInState;

    /// <summary>
    /// Opens a store: meets the server, or, where it is away, goes on with what the metadata directory knows of the store.
    /// </summary>
    /// <param name="connection">The servers and the store. Not disposed here; must live as long as the reader.</param>
    /// <param name="cache">
    /// The disk cache, which may still be opening (reads wait for it, lookups do not); its result null, or the task failed: none. Not disposed here.
    /// </param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoreUnavailableException">The server is away, and nothing is known of the store.</exception>
    /// <exception cref="StoreAccessException">The server refuses the caller.</exception>
    /// <exception cref="StoreConfigurationException">The store cannot be used: not there, not trusted, not this protocol; or the metadata directory is in use.</exception>
    public static async Task<StoreReader> OpenAsync(
        ServerConnection connection, Task<IChunkCache?> cache, StoreReaderOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(cache);
        options ??= new StoreReaderOptions();
        var metadata = options.IsResumed
            ? MetadataCache.OpenOrInMemory(options.MetadataDirectory, options.MetadataBytesMax, options.TimeProvider, options.Notice)
            : MetadataCache.Open(options.MetadataDirectory, options.MetadataBytesMax, options.TimeProvider, options.Notice);
        var reader = new StoreReader(connection, cache, metadata, options);
        try
        {
            reader._monitor.Start();
            reader._trimmer.Start();
            reader._chunks.Connect();
            if (!options.IsResumed || !reader._identity.TryRecall())
            {
                await reader._monitor.FirstContact.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (StoreUnavailableException) when (reader._identity.TryRecall())
        {
            // The monitor goes on trying; until it succeeds, what is cached is served.
        }
        catch (Exception)
        {
            await reader.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return reader;
    }

    /// <inheritdoc/>
    public bool TryGetKnown(ReadOnlySpan<byte> baseName, [NotNullWhen(true)] out PathHandle? handle) => _finder.TryGetKnown(baseName, out handle);

    /// <summary>A path that is known to be valid, from memory alone; null says nothing.</summary>
    public PathHandle? FindKnown(StorePath path) => _finder.FindKnown(path);

    /// <inheritdoc/>
    public ValueTask<PathHandle?> FindAsync(StorePath path, CancellationToken cancellationToken) => _finder.FindAsync(path, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<PathHandle?[]> FindManyAsync(IReadOnlyList<StorePath> paths, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return _finder.FindManyAsync(paths, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<PathHandle?> FindUpstreamAsync(StorePath path, CancellationToken cancellationToken) =>
        _health.IsUp && await _imports.TryImportAsync(path, _options.LookupDeadline * UpstreamPatienceShare, cancellationToken).ConfigureAwait(false)
            ? await _finder.FindAsync(path, cancellationToken).ConfigureAwait(false)
            : null;

    /// <summary>
    /// The verified record of a path, or null where it is not valid. The first question about a path that is not known, or whose references
    /// are not, brings the records of its whole closure, so that those that follow about its references are answered from memory. While the
    /// server is away, what was valid when it was last asked.
    /// </summary>
    /// <exception cref="StoreUnavailableException">The server is away, and the path is not known.</exception>
    /// <exception cref="StoreVerificationException">What the server says of it does not verify.</exception>
    public ValueTask<PathHandle?> FindWithClosureAsync(StorePath path, CancellationToken cancellationToken) =>
        _queries.FindWithClosureAsync(path, cancellationToken);

    /// <summary>
    /// Whether a path's references are known too, or cannot be asked for at this moment. A path that was asked for alone is known without them; a caller that
    /// then walks its closure would ask for that of each reference.
    /// </summary>
    public bool HasReferencesAtHand(PathInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        return _queries.HasReferencesAtHand(info);
    }

    /// <summary>Those of the paths that are valid; at most one question to the server for every 500 that are not known.</summary>
    /// <exception cref="StoreUnavailableException">The server is away, and not all of the paths are known.</exception>
    public ValueTask<IReadOnlyCollection<StorePath>> FilterValidAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return _queries.FilterValidAsync(paths, cancellationToken);
    }

    /// <summary>The valid path with this hash part, or null.</summary>
    /// <exception cref="StoreUnavailableException">The server is away, and the path is not known.</exception>
    public ValueTask<StorePath?> FindByHashPartAsync(string hashPart, CancellationToken cancellationToken) =>
        _queries.FindByHashPartAsync(hashPart, cancellationToken);

    /// <summary>
    /// The records of the closure of some paths, the paths themselves first. One or two round trips, unless the closure is huge.
    /// </summary>
    /// <exception cref="StoreClientException">One of the paths is not valid; the message names it.</exception>
    public Task<IReadOnlyList<PathHandle>> FindClosureAsync(IReadOnlyList<StorePath> paths, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return _queries.FindClosureAsync(paths, cancellationToken);
    }

    /// <summary>Every valid path, ascending.</summary>
    /// <exception cref="StoreUnavailableException">The server is away.</exception>
    public Task<IReadOnlyList<StorePath>> ListValidAsync(CancellationToken cancellationToken) => _queries.ListValidAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ListingPage> ListAsync(string after, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(after);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        return _listing.ListAsync(after, limit, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<ManifestTree> GetTreeAsync(PathHandle handle, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return _files.GetTreeAsync(handle, cancellationToken);
    }

    /// <inheritdoc/>
    public bool TryRead(PathHandle handle, int entry, ulong offset, int length, [NotNullWhen(true)] out ReadLease? lease)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return _files.TryRead(handle, entry, offset, length, out lease);
    }

    /// <inheritdoc/>
    public ValueTask<ReadLease> ReadAsync(PathHandle handle, int entry, ulong offset, int length, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, StoreReaderOptions.ReadBytesMax);
        return _files.ReadAsync(handle, entry, offset, length, cancellationToken);
    }

    /// <inheritdoc/>
    public bool TryReadLink(PathHandle handle, int entry, Span<byte> destination, out int written)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return FileReader.TryReadLink(handle, entry, destination, out written);
    }

    /// <inheritdoc/>
    public ValueTask<byte[]> ReadLinkAsync(PathHandle handle, int entry, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return _files.ReadLinkAsync(handle, entry, cancellationToken);
    }

    /// <summary>Writes the NAR of a path; every byte was verified.</summary>
    /// <exception cref="StoreUnavailableException">Part of the content cannot be had; what was written before is no whole NAR.</exception>
    public Task WriteNarAsync(PathHandle handle, Stream destination, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentNullException.ThrowIfNull(destination);
        return _wholePaths.WriteNarAsync(handle, destination, cancellationToken);
    }

    /// <summary>The contents of a path that is one regular file.</summary>
    /// <param name="handle">The path.</param>
    /// <param name="bytesMax">A longer file is refused.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StoreClientException">It is no regular file, too long, or cannot be read.</exception>
    public Task<byte[]> ReadFileAsync(PathHandle handle, int bytesMax, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return _wholePaths.ReadFileAsync(Directory, handle, bytesMax, cancellationToken);
    }

    /// <inheritdoc/>
    public void OnLookup(PathHandle handle, int entry)
    {
        ArgumentNullException.ThrowIfNull(handle);
        _planner.OnLookup(handle, entry);
    }

    /// <inheritdoc/>
    public void OnListed(PathHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        _planner.OnListed(handle);
    }

    /// <summary>
    /// Fetches whatever of the paths is not in the disk cache, with as much throughput as the link gives. Readers go first meanwhile.
    /// </summary>
    /// <param name="handles">The paths, see <see cref="FindClosureAsync"/>.</param>
    /// <param name="progress">Told now and then; may be null.</param>
    /// <param name="cancellationToken">Ends the work; what was fetched stays.</param>
    /// <returns>What was done, as at the end of the progress.</returns>
    /// <exception cref="StoreClientException">There is no open cache, the server is away, or the cache does not keep what it is given.</exception>
    public Task<PrefetchProgress> PrefetchAsync(
        IReadOnlyList<PathHandle> handles, IProgress<PrefetchProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(handles);
        return _prefetch.FetchAsync(handles, progress, cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<StoreChange> WatchChangesAsync(CancellationToken cancellationToken) => _changes.Watch(cancellationToken);

    /// <summary>Ends everything that runs; callers that wait get an exception. Leases stay valid until they are disposed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _planner.DisposeAsync().ConfigureAwait(false);
        _changes.Close();
        await _monitor.DisposeAsync().ConfigureAwait(false);
        await _refresher.DisposeAsync().ConfigureAwait(false);
        await _chunks.DisposeAsync().ConfigureAwait(false);
        await _trimmer.DisposeAsync().ConfigureAwait(false);
        await _metadata.DisposeAsync().ConfigureAwait(false);
        _chunkMemory.Dispose();
        _stop.Dispose();
    }

    /// <summary>Asks for records, also for those that are known but may have changed.</summary>
    internal Task FetchRecordsAsync(IEnumerable<StorePath> paths, CancellationToken cancellationToken) => _queries.FetchRecordsAsync(paths, cancellationToken);

    /// <summary>Learns a record that a registration gave back.</summary>
    /// <param name="record">What is registered.</param>
    /// <param name="sent">What was to be registered; null where not all of it is known to be right here.</param>
    /// <exception cref="StoreVerificationException">It does not verify.</exception>
    internal PathHandle AdoptRegistered(PathRecord record, PathRecord? sent) => _added.AdoptRegistered(record, sent);

    /// <summary>From now on the path is valid here, though the server does not know it yet.</summary>
    internal void AddPending(PendingPath path) => _added.Add(path);

    /// <summary>The server knows the path now, or has refused it.</summary>
    internal void RemovePending(StorePath path, bool registered) => _added.Remove(path, registered);

    /// <summary>Reads every chunk that the disk cache holds, of whichever path.</summary>
    /// <param name="repair">Whether damaged ones are dropped.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <returns>Null where there is no cache, or it is not open: then it holds nothing that a reader would be given.</returns>
    internal async Task<VerifyReport?> VerifyCacheAsync(bool repair, CancellationToken cancellationToken)
    {
        try
        {
            return await _cache.WaitAsync(cancellationToken).ConfigureAwait(false) is { } cache
                ? await cache.VerifyAsync(repair, progress: null, cancellationToken).ConfigureAwait(false)
                : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Forgets paths that were not used for a while, and that the file system does not hold.</summary>
    /// <returns>How many.</returns>
    internal int Trim() => _trimmer.Trim();
}
