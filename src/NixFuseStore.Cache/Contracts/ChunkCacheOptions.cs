namespace NixFuseStore.Cache;

/// <summary>Where a chunk cache lies and what it may take.</summary>
public sealed class ChunkCacheOptions
{
    /// <summary>The least <see cref="SizeBytesMax"/> that makes a cache.</summary>
    public const long SizeBytesMin = 16L << 20;

    /// <summary>The largest <see cref="ChunkBytesMax"/>: a chunk must fit a page of the log.</summary>
    public const int ChunkBytesLimit = 1 << 20;

    /// <summary>Directory of the cache, made when missing. One process at a time uses it.</summary>
    public required string Directory { get; init; }

    /// <summary>Hard limit in bytes of everything in the directory: log and checkpoints.</summary>
    public long SizeBytesMax { get; init; } = 20L << 30;

    /// <summary>Memory for the newest part of the log: pages to be written, and the chunks stored last. Never more than a quarter of the cap.</summary>
    public long MemoryBytes { get; init; } = 64L << 20;

    /// <summary>Plain bytes of the largest chunk that is kept.</summary>
    public int ChunkBytesMax { get; init; } = 256 << 10;

    /// <summary>Bytes of offered chunks that may wait for the writer; more are dropped.</summary>
    public long QueueBytesMax { get; init; } = 32L << 20;

    /// <summary>Disk reads in flight at a time.</summary>
    public int ReadsInFlightMax { get; init; } = 8;

    /// <summary>
    /// Free bytes of the file system that the cache leaves to others: with less, it is bypassed for writes. Never more than a twentieth of
    /// the file system.
    /// </summary>
    public long FreeBytesReserve { get; init; } = 64L << 20;

    /// <summary>Longest time between two checkpoints while there is new data; a crash loses what came after the last one.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>New bytes after which a checkpoint is taken earlier.</summary>
    public long CheckpointBytes { get; init; } = 256L << 20;

    /// <summary>
    /// A disk read that takes longer is answered as missing, and from then on, until the disk answers, every read that would need it at once.
    /// </summary>
    public TimeSpan ReadDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A write that takes longer makes the cache count as stalled: offers are dropped until it comes back.</summary>
    public TimeSpan StallDeadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait of <see cref="IAsyncDisposable.DisposeAsync"/> for the last checkpoint.</summary>
    public TimeSpan DisposeDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a bypassed cache looks whether it can write again.</summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether a directory that another process has is waited for, bypassed until then, rather than refused.</summary>
    public bool WaitsForDirectory { get; init; }

    /// <summary>For tests: runs before a file is opened or read, with its path; what it throws is the disk's failure.</summary>
    internal Action<string>? FileFault { get; init; }

    /// <summary>Told in one line what an operator should know (a cache started empty, a bypass); called on any thread; may be null.</summary>
    public Action<string>? Notice { get; init; }
}
