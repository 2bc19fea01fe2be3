namespace NixFuseStore.Client.Chunks;

/// <summary>What the fetcher did since the start. Fields are changed with <see cref="Interlocked"/>.</summary>
internal sealed class FetchCounters
{
    public long DemandRequests;
    public long ReadAheadRequests;
    public long BulkRequests;
    public long ReceivedBytes;
    public long ReceivedChunks;
    public long ReceivedPlainBytes;
    public long ReadAheadBytes;
    public long ReadAheadUsedBytes;
    public long BadChunks;
    public long FailedRequests;
    public long DiskChunks;
}
