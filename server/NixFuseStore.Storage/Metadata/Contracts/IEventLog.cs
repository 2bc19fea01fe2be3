namespace NixFuseStore.Storage.Metadata;

/// <summary>What became valid or ceased to be, numbered in the order of commits.</summary>
public interface IEventLog
{
    /// <summary>The newest event of a store; the default before the first.</summary>
    Task<EventPosition> GetHeadEventAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>The events behind a position.</summary>
    /// <param name="store">The store.</param>
    /// <param name="after">The last event seen. Where the database does not hold it (any more), the answer is a resync.</param>
    /// <param name="limit">At most this many.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<EventPage> ReadEventsAsync(StoreId store, EventPosition after, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// Waits until the store may have another newest event than the given one, or the time is over. Only a hint, never late by more than half
    /// a second while the database answers; any number of callers may wait.
    /// </summary>
    /// <exception cref="MetadataUnavailableException">The database does not answer, so there is no telling.</exception>
    Task WaitForEventsAsync(StoreId store, EventPosition after, TimeSpan timeout, CancellationToken cancellationToken = default);
}
