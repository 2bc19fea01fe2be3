namespace NixFuseStore.Storage.Metadata;

/// <summary>What became valid or ceased to be, numbered in the order of commits.</summary>
public interface IEventLog
{
    /// <summary>Number of the newest event of a store; 0 before the first.</summary>
    Task<ulong> GetHeadEventAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>The events behind a number.</summary>
    /// <param name="store">The store.</param>
    /// <param name="after">The last number seen.</param>
    /// <param name="limit">At most this many.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<EventPage> ReadEventsAsync(StoreId store, ulong after, int limit, CancellationToken cancellationToken = default);

    /// <summary>
    /// Waits until the store may have events behind a number, or the time is over. Only a hint, never late by more than half a second
    /// while the database answers; any number of callers may wait.
    /// </summary>
    Task WaitForEventsAsync(StoreId store, ulong after, TimeSpan timeout, CancellationToken cancellationToken = default);
}
