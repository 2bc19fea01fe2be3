namespace NixFuseStore.Client.Reading;

/// <summary>State and counters of a <see cref="StoreReader"/>; counters run from its opening.</summary>
public sealed record StoreReaderStatus
{
    /// <summary>Whether the server is in touch.</summary>
    public required bool IsConnected { get; init; }

    /// <summary>Since when that is so.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Why the server is not in touch, in one line; null while it is.</summary>
    public required string? Failure { get; init; }

    /// <summary>Number of the last event of the store that was dealt with.</summary>
    public required ulong LastEvent { get; init; }

    /// <summary>Bytes of chunks as they travelled.</summary>
    public required long ReceivedBytes { get; init; }

    /// <summary>Plain bytes of chunks that were fetched before anybody asked for them.</summary>
    public required long ReadAheadBytes { get; init; }

    /// <summary>Those of <see cref="ReadAheadBytes"/> that somebody then asked for.</summary>
    public required long ReadAheadUsedBytes { get; init; }

    /// <summary>Chunks that were not what they were named, and were refused.</summary>
    public required long BadChunks { get; init; }

    /// <summary>Requests to the data plane that failed.</summary>
    public required long FailedRequests { get; init; }
}
