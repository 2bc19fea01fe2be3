namespace NixFuseStore.Client;

/// <summary>State and counters of a reader; counters run from its opening.</summary>
public sealed record StoreReaderStatus
{
    /// <summary>Address of the server in use.</summary>
    public required Uri Server { get; init; }

    /// <summary>Name of the store.</summary>
    public required string StoreName { get; init; }

    /// <summary>Whether the server is in touch.</summary>
    public required bool IsConnected { get; init; }

    /// <summary>Since when that is so.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Why it is not; null while it is.</summary>
    public required string? Failure { get; init; }

    /// <summary>Number of the last event seen.</summary>
    public required ulong LastEvent { get; init; }

    /// <summary>Paths known in memory.</summary>
    public required int KnownPaths { get; init; }

    /// <summary>Records and sections in the metadata cache.</summary>
    public required int CachedMetadata { get; init; }

    /// <summary>Bytes of opened manifests in memory.</summary>
    public required long ManifestMemoryBytes { get; init; }

    /// <summary>Bytes of chunks in memory.</summary>
    public required long ChunkMemoryBytes { get; init; }

    /// <summary>Requests for records, closures and sections.</summary>
    public required long MetadataRequests { get; init; }

    /// <summary>Requests for chunks that a reader waited for.</summary>
    public required long DemandRequests { get; init; }

    /// <summary>Requests for chunks that no caller waited for yet.</summary>
    public required long ReadAheadRequests { get; init; }

    /// <summary>Requests for chunks of a prefetch.</summary>
    public required long BulkRequests { get; init; }

    /// <summary>Requests for chunks that failed and were made again.</summary>
    public required long FailedRequests { get; init; }

    /// <summary>Chunks on their way.</summary>
    public required int ChunksInFlight { get; init; }

    /// <summary>Chunks received from the server.</summary>
    public required long ReceivedChunks { get; init; }

    /// <summary>Bytes of chunks as received.</summary>
    public required long ReceivedBytes { get; init; }

    /// <summary>Bytes of received chunks, unpacked.</summary>
    public required long ReceivedPlainBytes { get; init; }

    /// <summary>Chunks read from the disk cache.</summary>
    public required long ChunksFromDisk { get; init; }

    /// <summary>Unpacked bytes that were received before a reader asked.</summary>
    public required long ReadAheadBytes { get; init; }

    /// <summary>Of those, bytes that were read later. The rest was wasted, so far.</summary>
    public required long ReadAheadUsedBytes { get; init; }

    /// <summary>Chunks in whose place other bytes came.</summary>
    public required long BadChunks { get; init; }

    /// <summary>Smallest round trip of late.</summary>
    public required TimeSpan RoundTrip { get; init; }

    /// <summary>Largest delivery rate of late, bytes per second.</summary>
    public required double BytesPerSecond { get; init; }
}
