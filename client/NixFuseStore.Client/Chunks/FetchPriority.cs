namespace NixFuseStore.Client.Chunks;

/// <summary>Why a chunk is fetched. Lower values go first.</summary>
internal enum FetchPriority
{
    /// <summary>A reader waits for it.</summary>
    Demand,

    /// <summary>A program will probably read it soon.</summary>
    ReadAhead,

    /// <summary>It is to be in the cache; throughput counts, not delay.</summary>
    Bulk,
}
