using System.Text;
using NixFuseStore.Cache;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Chunks;
using NixFuseStore.Client.Contracts;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Prefetch;
using NixFuseStore.Client.Prefetch.Programs;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client;

/// <summary>
/// A store on a server, read lazily and verified. The parts: Lookups (records, closures, sections), Fetching (chunks), ReadAhead (what to
/// fetch early), Changes (events, presence of the server), Metadata (what outlives the process).
/// </summary>
public sealed partial class StoreReader : IStoreReader
{
    private readonly ServerConnection _connection;
    private readonly StoreReaderOptions _options;
    private readonly MetadataCache _metadata;
    private readonly PathTable _table = new();
    private readonly ServerHealth _health;
    private readonly StoreMonitor _monitor;
    private readonly ChangeHub _changes = new();
    private readonly SectionFetcher _sections;
    private readonly ClosureFetcher _closures;
    private readonly RecordFetcher _records;
    private readonly RecordRefresher _refresher;
    private readonly ContentMemory _contentMemory;
    private readonly ChunkMemory _chunkMemory;
    private readonly ChunkFetcher _fetcher;
    private readonly ProgramReadAhead _programs;
    private readonly ScanPrefetch _walk = new();
    private readonly AccessProfileRecorder _uses;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task<IChunkCache?> _cache;
    private readonly TimeProvider _time;
    private volatile RecordVerifier? _verifier;

    private StoreReader(ServerConnection connection, Task<IChunkCache?> cache, MetadataCache metadata, StoreReaderOptions options)
    {
        _connection = connection;
        _options = options;
        _metadata = metadata;
        _cache = cache;
        _time = options.TimeProvider;
        _health = new ServerHealth(_time);
        _monitor = new StoreMonitor(connection, _health, new MonitorEvents(this), _time);
        _sections = new SectionFetcher(connection, _health, metadata, _time);
        _closures = new ClosureFetcher(connection, _health, _table, metadata, _sections, Used);
        Calls = new RetryPolicy(connection, _health, _time);
        _records = new RecordFetcher(Calls, _closures);
        _refresher = new RecordRefresher(_table, _closures, _time);
        _contentMemory = new ContentMemory(options.SectionMemoryBytesMax);
        _chunkMemory = new ChunkMemory(options.ChunkMemoryBytesMax);
        _fetcher = new ChunkFetcher(connection, _health, _chunkMemory, _pending, cache, _time);
        _uses = new AccessProfileRecorder(connection, _health, _time);
        _programs = new ProgramReadAhead(this, new ProgramFetcher(this), _stop.Token);
    }

    /// <inheritdoc/>
    public StoreDirectory Directory => _verifier!.Directory;

    /// <summary>Whether the server is in touch.</summary>
    public bool IsConnected => _health.IsUp;

    /// <summary>What servers say that other hosts read.</summary>
    internal AccessProfiles Used { get; } = new();

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
        var metadata = MetadataCache.Open(options.MetadataDirectory, options.MetadataBytesMax, options.TimeProvider, options.Notice);
        var reader = new StoreReader(connection, cache, metadata, options);
        try
        {
            reader._monitor.Start();
            reader._trimming = reader.TrimLoopAsync();
            reader._fetcher.Connect();
            await reader._monitor.FirstContact.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (StoreUnavailableException) when (reader.TryIntroduceFromCache())
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
    public IAsyncEnumerable<StoreChange> WatchChangesAsync(CancellationToken cancellationToken) => _changes.Watch(cancellationToken);

    /// <summary>Ends everything that runs; callers that wait get an exception. Leases stay valid until they are disposed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _uses.DisposeAsync().ConfigureAwait(false);
        _changes.Close();
        await _monitor.DisposeAsync().ConfigureAwait(false);
        await _refresher.DisposeAsync().ConfigureAwait(false);
        await _fetcher.DisposeAsync().ConfigureAwait(false);
        _programs.Dispose();
        await _trimming.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _metadata.DisposeAsync().ConfigureAwait(false);
        _chunkMemory.Dispose();
        _stop.Dispose();
    }

    private bool TryIntroduceFromCache()
    {
        if (_metadata.TryRead(IdentityKey()) is not { } bytes)
        {
            return false;
        }

        try
        {
            var store = GetStoreResponse.Parser.ParseFrom(bytes);
            _verifier = TrustPolicy.Establish(_connection, _options.TrustedPublicKeys, store);
            _store = store;
            return true;
        }
        catch (Google.Protobuf.InvalidProtocolBufferException)
        {
            // Not written by this version; then nothing is known of the store.
            return false;
        }
    }

    // Under which the store's directory and keys are remembered: another server list may mean another store of the same name.
    private MetadataKey IdentityKey()
    {
        var name = string.Join('\n', [_connection.StoreName, .. _connection.Options.Servers.Select(static s => s.GetLeftPart(UriPartial.Authority))]);
        return new MetadataKey(MetadataKind.Store, Key256.Read(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(name))));
    }
}
