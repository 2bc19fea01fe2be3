using NixFuseStore.Protocol;
using NixFuseStore.Server.Grpc;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Services;

/// <summary>What streams paths: listings and events.</summary>
internal sealed partial class StoreService
{
    /// <summary>Events of one message at most.</summary>
    private const int EventsPerMessage = 1_000;

    /// <summary>A watcher's token is checked so often.</summary>
    private static readonly TimeSpan RecheckInterval = TimeSpan.FromMilliseconds(500);

    public async IAsyncEnumerable<ListPathsResponse> ListPathsAsync(ListPathsRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);

        // Asked for first: what is registered during the listing may or may not be in it, and is told by an event in either case.
        var head = await metadata.GetHeadEventAsync(store.Id, call.Cancellation).ConfigureAwait(false);
        var limit = (int)Math.Min(request.Limit, int.MaxValue);
        var any = false;
        await foreach (var batch in metadata.ListPathsAsync(store.Id, request.Prefix, request.After, limit, call.Cancellation).ConfigureAwait(false))
        {
            var message = new ListPathsResponse { HeadEvent = head };
            foreach (var entry in batch)
            {
                message.Entries.Add(Records.ToMessage(entry));
            }

            any = true;
            yield return message;
        }

        if (!any)
        {
            yield return new ListPathsResponse { HeadEvent = head };
        }
    }

    public async IAsyncEnumerable<WatchResponse> WatchAsync(WatchRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        var after = request.AfterEvent;
        long? lastSent = null;
        while (true)
        {
            var page = await metadata.ReadEventsAsync(store.Id, after, EventsPerMessage, call.Cancellation).ConfigureAwait(false);

            // The first answer comes at once, even without an event: it says that the watch is on.
            if (page.Resync || page.Events.Count > 0 || lastSent is null || time.GetElapsedTime(lastSent.Value) >= limits.Heartbeat)
            {
                var message = new WatchResponse { HeadEvent = page.Head, Resync = page.Resync };
                foreach (var e in page.Events)
                {
                    message.Events.Add(Records.ToMessage(e));
                }

                after = page.Resync ? page.Head : page.Events.Count > 0 ? page.Events[^1].Number : after;
                yield return message;
                lastSent = time.GetTimestamp();
                if (page.Events.Count == EventsPerMessage)
                {
                    continue;
                }
            }

            var untilHeartbeat = limits.Heartbeat - time.GetElapsedTime(lastSent.Value);
            var wait = untilHeartbeat < RecheckInterval ? untilHeartbeat : RecheckInterval;
            if (wait > TimeSpan.Zero)
            {
                await metadata.WaitForEventsAsync(store.Id, after, wait, call.Cancellation).ConfigureAwait(false);
            }

            // A watch outlives the moment in which its caller was known; a revoked token ends it.
            var principal = await call.RecheckAsync().ConfigureAwait(false);
            await access.RequireAsync(principal, request.Store, AccessRights.Read, call.Cancellation).ConfigureAwait(false);
        }
    }
}
