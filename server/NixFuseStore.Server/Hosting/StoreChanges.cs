using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Hosting;

/// <summary>
/// Follows the events of stores for whoever remembers something of valid paths: what was remembered is dropped as soon as a path is
/// removed, on whichever server. A store is followed from its first use until the server stops. Calls may overlap.
/// </summary>
internal sealed class StoreChanges(IMetadataStore metadata, ILogger logger, CancellationToken stopping)
{
    private static readonly TimeSpan WaitForEvents = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<StoreId, Task> _followers = new();

    /// <summary>A store's paths are not what they were: everything that is remembered of it has to go. Comes on any thread.</summary>
    public event Action<StoreId>? Changed;

    /// <summary>Sees to it that changes of the store are told. To be called before anything of it is read that is to be remembered.</summary>
    public void Follow(StoreRecord store) =>
        _followers.GetOrAdd(store.Id, static (_, arguments) => arguments.Changes.FollowAsync(arguments.Store), (Changes: this, Store: store));

    private async Task FollowAsync(StoreRecord store)
    {
        ulong? after = null;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                if (after is null)
                {
                    after = await metadata.GetHeadEventAsync(store.Id, stopping).ConfigureAwait(false);
                    Changed?.Invoke(store.Id);
                }

                await metadata.WaitForEventsAsync(store.Id, after.Value, WaitForEvents, stopping).ConfigureAwait(false);
                var page = await metadata.ReadEventsAsync(store.Id, after.Value, limit: 1_000, stopping).ConfigureAwait(false);
                if (page.Resync || page.Events.Any(e => e.Kind != StoreEventKind.Registered))
                {
                    Changed?.Invoke(store.Id);
                }

                after = page.Resync ? page.Head : page.Events.Count > 0 ? page.Events[^1].Number : after;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // whatever goes wrong here, going on without the events would mean serving removed paths
            catch (Exception e)
#pragma warning restore CA1031
            {
                // During an outage what is remembered stays good, as nobody can remove paths; afterwards everything is asked for again.
                logger.EventsUnreadable(store.Name, e.Message);
                after = null;
                await Task.Delay(RetryAfter, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }
}
