using Google.Protobuf;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Reading;

/// <content>What a writer of the same store needs.</content>
public sealed partial class StoreReader
{
    private volatile GetStoreResponse? _store;
    private volatile bool _met;

    /// <summary>Whether the caller's token may write; null before the first contact.</summary>
    public bool? MayWrite => _met ? _store!.MayWrite : null;

    /// <summary>Keys whose statements are believed.</summary>
    public IReadOnlyList<NixPublicKey> TrustedKeys => _verifier!.TrustedKeys;

    /// <summary>For calls that are no part of reading.</summary>
    internal PatientCalls Calls { get; }

    /// <summary>Id of the chunking parameters that the server wants.</summary>
    internal uint ChunkingParametersId => _store!.ChunkingParameters;

    /// <summary>How long the server has been away; null while it is there.</summary>
    internal TimeSpan? AwayFor => _health.IsUp ? null : _health.TimeInState;

    /// <summary>A path that is known to be valid, from memory alone; null says nothing.</summary>
    public PathHandle? FindKnown(StorePath path) => TryFindHere(Key256.OfHashPart(path.BaseName), path);

    /// <summary>Learns a record that a registration gave back.</summary>
    /// <exception cref="StoreVerificationException">It does not verify.</exception>
    internal PathHandle AdoptRegistered(PathRecord record)
    {
        var handle = _verifier!.Verify(record);
        var key = Key256.OfHashPart(record.BaseName);
        _metadata.Put(new MetadataKey(MetadataKind.Path, key), record.ToByteArray());
        return _table.Adopt(in key, handle, record.Event);
    }
}
