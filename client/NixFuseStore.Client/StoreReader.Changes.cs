using Google.Protobuf;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client;

/// <content>What the monitor tells.</content>
public sealed partial class StoreReader
{
    // A listing made while the server was away holds only what was known here, so a caller that kept it must list again afterwards.
    private int _answeredAlone;

    private void OnMet(GetStoreResponse store)
    {
        var verifier = TrustPolicy.Establish(_connection, _options.TrustedPublicKeys, store);
        if (_verifier is { } known && !known.Directory.Equals(verifier.Directory))
        {
            throw new StoreConfigurationException(
                $"store '{_connection.StoreName}' now has the store directory {verifier.Directory}, it was {known.Directory}; mount it anew");
        }

        _verifier = verifier;
        _store = store;
        _met = true;

        // Head and rights change all the time and are of no use later.
        var remembered = store.Clone();
        remembered.HeadEvent = 0;
        remembered.HeadEventId = ByteString.Empty;
        remembered.MayWrite = remembered.MayAdminister = false;
        var bytes = remembered.ToByteArray();
        var key = IdentityKey();
        if (!bytes.AsSpan().SequenceEqual(_metadata.TryRead(in key)))
        {
            _metadata.Put(in key, bytes);
        }
    }

    private void OnResync()
    {
        _table.MarkAllStale();
        Volatile.Write(ref _answeredAlone, 0);
        _changes.Publish(new StoreChange(StoreChangeKind.Resync, ""));
    }

    private void OnEvent(StoreEvent change)
    {
        if (!StorePath.TryParseBaseName(change.BaseName, out var path))
        {
            return;
        }

        var key = Key256.OfHashPart(path.BaseName);
        switch (change.Kind)
        {
            case StoreEvent.Types.Kind.Registered:
                _changes.Publish(new StoreChange(StoreChangeKind.Added, path.BaseName));
                break;
            case StoreEvent.Types.Kind.Removed:
                _table.Remove(in key, change.Number);
                _metadata.Remove(new MetadataKey(MetadataKind.Path, key));
                _changes.Publish(new StoreChange(StoreChangeKind.Removed, path.BaseName));
                break;
            case StoreEvent.Types.Kind.SignaturesAdded or StoreEvent.Types.Kind.ContentChanged:
                _refresher.Add(path.HashPart);
                break;
        }
    }

    private sealed class MonitorEvents(StoreReader reader) : IMonitorEvents
    {
        public void OnMet(ServerEndpoint endpoint, GetStoreResponse store)
        {
            reader.OnMet(store);
            if (Volatile.Read(ref reader._answeredAlone) != 0)
            {
                reader.OnResync();
            }
        }

        // Served from the cache until now: removals before the head are not told as events.
        public void OnFirstMet() => reader._table.MarkAllStale();

        public void OnResync() => reader.OnResync();

        public void OnEvent(StoreEvent change) => reader.OnEvent(change);
    }
}
