namespace NixFuseStore.Client.Chunks;

/// <summary>Where a <see cref="ChunkFetch"/> is on its way.</summary>
internal enum FetchState
{
    /// <summary>The disk cache is asked.</summary>
    Disk,

    /// <summary>It waits for a request to take it along.</summary>
    Queued,

    /// <summary>A request names it.</summary>
    Sent,

    /// <summary>A request failed; it waits to be queued again.</summary>
    Pausing,

    /// <summary>It has arrived or failed for good.</summary>
    Done,
}
