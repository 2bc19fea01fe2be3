using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Lookup;

/// <summary>What the server tells of the store goes into all that is known here, and on to those that watch.</summary>
/// <param name="identity">What is known of the store.</param>
/// <param name="table">Records in memory.</param>
/// <param name="metadata">Records on disk.</param>
/// <param name="listing">May have been made while the server was away.</param>
/// <param name="refresher">Asks again for records that have changed.</param>
/// <param name="changes">Those that watch.</param>
internal sealed class StoreEventHandler(
    StoreIdentity identity, PathTable table, MetadataCache metadata, PathListing listing, RecordRefresher refresher, ChangeHub changes) : IMonitorEvents
{
    /// <inheritdoc/>
    public void OnMet(ServerEndpoint endpoint, GetStoreResponse store)
    {
        identity.Meet(store);
        if (listing.TakeListedOffline())
        {
            OnResync();
        }
    }

    /// <inheritdoc/>
    /// <remarks>Served from the cache until now: removals before the head are not told as events.</remarks>
    public void OnFirstMet() => table.MarkAllStale();

    /// <inheritdoc/>
    public void OnResync()
    {
        table.MarkAllStale();
        listing.TakeListedOffline();
        changes.Publish(new StoreChange(StoreChangeKind.Resync, ""));
    }

    /// <inheritdoc/>
    public void OnEvent(StoreEvent change)
    {
        if (!StorePath.TryParseBaseName(change.BaseName, out var path))
        {
            return;
        }

        var key = Key256.OfHashPart(path.BaseName);
        switch (change.Kind)
        {
            case StoreEvent.Types.Kind.Registered:
                changes.Publish(new StoreChange(StoreChangeKind.Added, path.BaseName));
                break;
            case StoreEvent.Types.Kind.Removed:
                table.Remove(in key, change.Number);
                metadata.Remove(new MetadataKey(MetadataKind.Path, key));
                changes.Publish(new StoreChange(StoreChangeKind.Removed, path.BaseName));
                break;
            case StoreEvent.Types.Kind.SignaturesAdded or StoreEvent.Types.Kind.ContentChanged:
                refresher.Add(path.HashPart);
                break;
        }
    }
}
