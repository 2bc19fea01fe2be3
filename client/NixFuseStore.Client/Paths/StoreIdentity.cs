using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Paths;

/// <summary>
/// What is known of the store itself: directory, keys, rights. Told by the server at each contact; remembered, so that a reader can begin while the
/// server is away. Any thread.
/// </summary>
/// <param name="connection">The servers and the store.</param>
/// <param name="metadata">Where it is remembered.</param>
/// <param name="trustedPublicKeys">Keys whose statements are believed; empty for the server's own, see <see cref="TrustPolicy"/>.</param>
internal sealed class StoreIdentity(ServerConnection connection, MetadataCache metadata, IReadOnlyList<NixPublicKey> trustedPublicKeys)
{
    private readonly Lock _gate = new();

    // Written under _gate, read anywhere.
    private volatile RecordVerifier? _verifier;
    private volatile GetStoreResponse? _store;
    private volatile bool _isMet;

    /// <summary>Whether the server itself has said it, in this process.</summary>
    public bool IsMet => _isMet;

    /// <summary>Known once the reader is open.</summary>
    public RecordVerifier Verifier => _verifier!;

    /// <summary>As the server described the store last. Known once the reader is open.</summary>
    public GetStoreResponse Store => _store!;

    /// <summary>What tells this store from all others, of other servers too: its id, its name, its directory.</summary>
    public string Text => $"{Convert.ToHexStringLower(Store.StoreId.Span)}\n{connection.StoreName}\n{Verifier.Directory.Path}";

    /// <summary>Whether a page of a listing carries the signature of a trusted key.</summary>
    public bool IsSigned(ListPathsResponse page) => _verifier is { } verifier && verifier.IsSigned(page);

    /// <summary>The server describes the store.</summary>
    /// <exception cref="StoreConfigurationException">It is not to be trusted, or is another store than before.</exception>
    public void Meet(GetStoreResponse store)
    {
        var verifier = TrustPolicy.Establish(connection, trustedPublicKeys, store);
        if (_verifier is { } known && !known.Directory.Equals(verifier.Directory))
        {
            throw new StoreConfigurationException(
                $"store '{connection.StoreName}' now has the store directory {verifier.Directory}, it was {known.Directory}; mount it anew");
        }

        lock (_gate)
        {
            _verifier = verifier;
            _store = store;
            _isMet = true;
        }

        // Head and rights change all the time and are of no use later.
        var remembered = store.Clone();
        remembered.HeadEvent = 0;
        remembered.HeadEventId = ByteString.Empty;
        remembered.MayWrite = remembered.MayAdminister = false;
        var bytes = remembered.ToByteArray();
        var key = Key();
        if (!bytes.AsSpan().SequenceEqual(metadata.TryRead(in key)))
        {
            metadata.Put(in key, bytes);
        }
    }

    /// <summary>Goes on with what is remembered; false where nothing is.</summary>
    /// <exception cref="StoreConfigurationException">It is not to be trusted.</exception>
    public bool TryRecall()
    {
        if (metadata.TryRead(Key()) is not { } bytes)
        {
            return false;
        }

        try
        {
            var store = GetStoreResponse.Parser.ParseFrom(bytes);
            var verifier = TrustPolicy.Establish(connection, trustedPublicKeys, store);
            lock (_gate)
            {
                // The server may have been met meanwhile, and knows better: what is remembered has no rights.
                if (!_isMet)
                {
                    _verifier = verifier;
                    _store = store;
                }
            }

            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            // Not written by this version; then nothing is known of the store.
            return false;
        }
    }

    // Another server list may mean another store of the same name.
    private MetadataKey Key()
    {
        var name = string.Join('\n', [connection.StoreName, .. connection.Options.Servers.Select(static s => s.GetLeftPart(UriPartial.Authority))]);
        return new MetadataKey(MetadataKind.Store, Key256.Read(SHA256.HashData(Encoding.UTF8.GetBytes(name))));
    }
}
