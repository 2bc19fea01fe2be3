namespace NixFuseStore.Cache;

/// <summary>State and counters of a chunk cache; counters run from the moment the cache was opened.</summary>
public sealed record ChunkCacheStatus
{
    /// <summary>Directory of the cache.</summary>
    public required string Directory { get; init; }

    /// <summary>Whether the cache is open; before (and after a failure) everything reads as missing.</summary>
    public required bool IsOpen { get; init; }

    /// <summary>Bytes that the directory takes on disk.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>The hard limit of <see cref="SizeBytes"/>.</summary>
    public required long SizeBytesMax { get; init; }

    /// <summary>Chunks held.</summary>
    public required long Entries { get; init; }

    /// <summary>Reads answered from the log's memory.</summary>
    public required long MemoryHits { get; init; }

    /// <summary>Reads answered from disk.</summary>
    public required long DiskHits { get; init; }

    /// <summary>Reads that found nothing.</summary>
    public required long Misses { get; init; }

    /// <summary>Chunks stored.</summary>
    public required long Stored { get; init; }

    /// <summary>Plain bytes of the chunks stored.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>Offers that were not kept because the writer could not take them.</summary>
    public required long Dropped { get; init; }

    /// <summary>Chunks evicted to keep the size.</summary>
    public required long Evicted { get; init; }

    /// <summary>Chunks found damaged and dropped.</summary>
    public required long Corrupt { get; init; }

    /// <summary>Reads that the disk did not answer in time.</summary>
    public required long TimedOut { get; init; }

    /// <summary>Checkpoints taken.</summary>
    public required long Checkpoints { get; init; }

    /// <summary>Why nothing is written at present; null while all is well.</summary>
    public required string? BypassReason { get; init; }

    /// <summary>How long opening took, with recovery; null until open.</summary>
    public required TimeSpan? OpenTime { get; init; }

    /// <summary>Chunks that were found when the cache was opened.</summary>
    public required long RecoveredEntries { get; init; }
}
