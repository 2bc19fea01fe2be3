namespace NixFuseStore.Client.Reading;

/// <content>What the reader can say about itself.</content>
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
                IsConnected = _health.IsUp,
                Since = _time.GetUtcNow() - _health.TimeInState,
                Failure = _health.Failure?.Message,
                LastEvent = _monitor.LastEvent,
                ReceivedBytes = Interlocked.Read(ref counters.ReceivedBytes),
                ReadAheadBytes = Interlocked.Read(ref counters.ReadAheadBytes),
                ReadAheadUsedBytes = Interlocked.Read(ref counters.ReadAheadUsedBytes),
                BadChunks = Interlocked.Read(ref counters.BadChunks),
                FailedRequests = Interlocked.Read(ref counters.FailedRequests),
            };
        }
    }
}
