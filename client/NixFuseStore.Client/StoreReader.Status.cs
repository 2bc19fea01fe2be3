namespace NixFuseStore.Client;

/// <content>What a user is shown.</content>
public sealed partial class StoreReader
{
    /// <summary>State and counters. Cheap enough to be asked for every second.</summary>
    public StoreReaderStatus Status
    {
        get
        {
            var counters = _fetcher.Counters;
            return new StoreReaderStatus
            {
                Server = _connection.Current.Address,
                StoreName = _connection.StoreName,
                IsConnected = _health.IsUp,
                Since = _time.GetUtcNow() - _health.TimeInState,
                Failure = _health.Failure?.Message,
                LastEvent = _monitor.LastEvent,
                KnownPaths = _table.Count,
                CachedMetadata = _metadata.Count,
                ManifestMemoryBytes = _contentMemory.Bytes,
                ChunkMemoryBytes = _chunkMemory.Bytes,
                MetadataRequests = _closures.RequestCount + _sections.RequestCount,
                DemandRequests = Volatile.Read(ref counters.DemandRequests),
                ReadAheadRequests = Volatile.Read(ref counters.ReadAheadRequests),
                BulkRequests = Volatile.Read(ref counters.BulkRequests),
                FailedRequests = Volatile.Read(ref counters.FailedRequests),
                ChunksInFlight = _fetcher.InFlight,
                ReceivedChunks = Volatile.Read(ref counters.ReceivedChunks),
                ReceivedBytes = Volatile.Read(ref counters.ReceivedBytes),
                ReceivedPlainBytes = Volatile.Read(ref counters.ReceivedPlainBytes),
                ChunksFromDisk = Volatile.Read(ref counters.DiskChunks),
                ReadAheadBytes = Volatile.Read(ref counters.ReadAheadBytes),
                ReadAheadUsedBytes = Volatile.Read(ref counters.ReadAheadUsedBytes),
                BadChunks = Volatile.Read(ref counters.BadChunks),
                RoundTrip = _fetcher.Link.RoundTrip,
                BytesPerSecond = _fetcher.Link.BytesPerSecond,
            };
        }
    }
}
