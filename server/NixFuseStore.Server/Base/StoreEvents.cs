using System.Collections.Concurrent;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Base;

/// <summary>
/// The events of stores, followed once for the whole process: by clients that watch a store, and by whatever remembers something of valid
/// paths. A store is followed from its first use until the server stops. Calls may overlap.
/// </summary>
internal sealed class StoreEvents(IEventLog events, ILogger logger, TimeProvider time, TimeSpan heartbeat, CancellationToken stopping)
{
    private readonly ConcurrentDictionary<StoreId, Lazy<EventFeed>> _feeds = new();

    /// <summary>What happened, in order. Comes on any thread, one store's calls one after the other, before clients are told.</summary>
    public event Action<StoreId, IReadOnlyList<StoreEvent>>? Happened;

    /// <summary>Events of a store were missed, or its database is another one than before: nothing that was known of its paths need hold.</summary>
    public event Action<StoreId>? Lost;

    /// <summary>
    /// The feed of a store, which runs from now on. To be called before anything of the store is read that is to be remembered.
    /// </summary>
    public EventFeed Follow(StoreRecord store)
    {
        // Lazy, since the dictionary may call a factory twice, and a feed that nothing holds would run on.
        return _feeds.GetOrAdd(
            store.Id,
            static (_, arguments) => new Lazy<EventFeed>(() => arguments.Events.Start(arguments.Store)),
            (Events: this, Store: store)).Value;
    }

    private EventFeed Start(StoreRecord store)
    {
        var feed = new EventFeed(
            events, store, happened => Happened?.Invoke(store.Id, happened), () => Lost?.Invoke(store.Id), logger, time, heartbeat, stopping);
        feed.Start();
        return feed;
    }
}
