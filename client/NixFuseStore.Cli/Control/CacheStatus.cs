namespace NixFuseStore.Cli.Control;

/// <summary>State of the chunk cache.</summary>
internal sealed record CacheStatus
{
    public required string Directory { get; init; }

    public required bool Open { get; init; }

    public required long SizeBytes { get; init; }

    public required long SizeBytesMax { get; init; }

    public required long Entries { get; init; }

    /// <summary>Chunks that were there when the cache was opened.</summary>
    public required long RecoveredEntries { get; init; }

    public required long MemoryHits { get; init; }

    public required long DiskHits { get; init; }

    public required long Misses { get; init; }

    public required long Corrupt { get; init; }

    public required long Evicted { get; init; }

    public required long Dropped { get; init; }

    /// <summary>Why nothing is written to it at present; null while all is well.</summary>
    public required string? BypassReason { get; init; }
}
