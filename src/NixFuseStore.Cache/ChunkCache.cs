using NixFuseStore.Cache.Keys;
using NixFuseStore.Cache.Log;
using NixFuseStore.Cache.Reading;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Cache;

/// <summary>
/// The chunk cache over a FASTER log on local disk. One thread opens, writes, evicts and checkpoints; a few others read; no caller waits
/// for the first. See README.md beside this file for how the parts hold together.
/// </summary>
public sealed partial class ChunkCache : IChunkCache
{
    private readonly ChunkCacheOptions _options;

    /// <summary>Null while the directory could not be taken for want of space or the like; the writer's from its start on.</summary>
    private CacheLock? _directoryLock;

    private readonly ReadLanes _lanes;
    private readonly Thread _writer;
    private readonly Timer _watchdog;
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The open log; null before it is open and after it had to be given up.</summary>
    private volatile ChunkLog? _log;

    private ChunkCache(ChunkCacheOptions options, CacheLock? directoryLock)
    {
        _options = options;
        _directoryLock = directoryLock;
        _lanes = new ReadLanes(options.ReadsInFlightMax, options.ReadDeadline, ReadFromDisk);
        _writer = new Thread(RunWriter, 1 << 20) { IsBackground = true, Name = "cache-write" };
        _watchdog = new Timer(static cache => ((ChunkCache)cache!).Watch(), this, WatchInterval, WatchInterval);
    }

    /// <summary>Whether lookups can find anything yet.</summary>
    public bool IsOpen => _log is not null;

    /// <summary>For tests: the open log, to inject faults into.</summary>
    internal ChunkLog? OpenLog => _log;

    /// <summary>Opens (or makes) a cache and waits until it answers. A damaged one is deleted and the cache starts empty, with a notice.</summary>
    /// <exception cref="CacheInUseException">Another process has the directory, and it is not to be waited for.</exception>
    /// <exception cref="IOException">The directory cannot be made or written.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write there.</exception>
    public static async Task<ChunkCache> OpenAsync(ChunkCacheOptions options, CancellationToken cancellationToken = default)
    {
        var cache = OpenInBackground(options);
        try
        {
            await cache.WaitUntilOpenAsync(cancellationToken).ConfigureAwait(false);
            return cache;
        }
        catch
        {
            await cache.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Takes the directory's lock and opens the cache in the background; until then everything is missing. What is offered meanwhile
    /// waits in the queue. Where even the lock cannot be had at this moment (a full disk, no descriptors), the cache is bypassed and tries on.
    /// </summary>
    /// <exception cref="CacheInUseException">Another process has the directory.</exception>
    /// <exception cref="IOException">The directory cannot be made or written, nor will it be.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write there.</exception>
    public static ChunkCache OpenInBackground(ChunkCacheOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SizeBytesMax, ChunkCacheOptions.SizeBytesMin);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ChunkBytesMax, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.ChunkBytesMax, ChunkCacheOptions.ChunkBytesLimit);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ReadsInFlightMax, 1);
        CacheLock? directoryLock = null;
        try
        {
            directoryLock = CacheLock.TakeDirectory(options.Directory);
        }
        catch (IOException failure) when (failure is CacheInUseException ? options.WaitsForDirectory : DiskErrors.MayPass(failure))
        {
            // The writer tries it next, says so, and goes on trying.
        }

        var cache = new ChunkCache(options, directoryLock);
        cache._writer.Start();
        return cache;
    }

    /// <summary>Waits until the cache answers for the first time; returns at once when it does.</summary>
    /// <exception cref="IOException">It cannot be opened at present. It goes on trying.</exception>
    public Task WaitUntilOpenAsync(CancellationToken cancellationToken = default) => _opened.Task.WaitAsync(cancellationToken);

    /// <summary>
    /// Writes what is queued, takes a last checkpoint, and lets the directory go; waits no longer than
    /// <see cref="ChunkCacheOptions.DisposeDeadline"/>, after which the last checkpoint before counts.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _watchdog.DisposeAsync().ConfigureAwait(false);
        Stop();
        try
        {
            await _ended.Task.WaitAsync(_options.DisposeDeadline).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The disk hangs. The lock goes with the process: letting it go now would let another one write beside this.
            _options.Notice?.Invoke($"cache {_options.Directory}: the disk does not answer; what came after the last checkpoint is lost");
        }
    }

    /// <inheritdoc/>
    public ChunkCacheStatus Status
    {
        get
        {
            var log = _log;
            return new ChunkCacheStatus
            {
                Directory = _options.Directory,
                IsOpen = log is not null,
                SizeBytes = log?.SizeBytes ?? 0,
                SizeBytesMax = _options.SizeBytesMax,
                Entries = log?.Keys.Count ?? 0,
                MemoryHits = Volatile.Read(ref _memoryHits),
                DiskHits = Volatile.Read(ref _diskHits),
                Misses = Volatile.Read(ref _misses),
                Stored = Volatile.Read(ref _stored),
                StoredBytes = Volatile.Read(ref _storedBytes),
                Dropped = Volatile.Read(ref _dropped),
                Evicted = Volatile.Read(ref _evicted),
                Corrupt = Volatile.Read(ref _corrupt),
                TimedOut = Volatile.Read(ref _timedOut),
                Checkpoints = Volatile.Read(ref _checkpoints),
                BypassReason = _bypassReason ?? StallReason,
                OpenTime = _openTime,
                RecoveredEntries = Volatile.Read(ref _recoveredEntries),
            };
        }
    }

    /// <inheritdoc/>
    public bool Contains(in Content.ChunkId id) => _log is { } log && log.Keys.Contains(KeyTable.Fingerprint(id));

    /// <inheritdoc/>
    public void MarkUsed(in Content.ChunkId id) => _log?.Keys.MarkUsed(KeyTable.Fingerprint(id));
}
