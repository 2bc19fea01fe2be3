using Google.Protobuf;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Pending;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client;

/// <content>What a writer of the same store needs.</content>
public sealed partial class StoreReader
{
    private volatile GetStoreResponse? _store;
    private volatile bool _met;
    private readonly PendingPaths _pending = new();

    /// <summary>Whether the caller's token may write; null before the first contact.</summary>
    public bool? MayWrite => _met ? _store!.MayWrite : null;

    /// <summary>Keys whose statements are believed.</summary>
    public IReadOnlyList<NixPublicKey> TrustedKeys => _verifier!.TrustedKeys;

    /// <summary>For calls that are no part of reading.</summary>
    internal RetryPolicy Calls { get; }

    /// <summary>Id of the chunking parameters that the server wants.</summary>
    internal uint ChunkingParametersId => _store!.ChunkingParameters;

    /// <summary>The store's random id, given when it was made; empty where the server does not say.</summary>
    internal ByteString StoreId => _store!.StoreId;

    /// <summary>What tells this store from all others, of other servers too: its id, its name, its directory.</summary>
    internal string Identity => $"{Convert.ToHexStringLower(StoreId.Span)}\n{_connection.StoreName}\n{Directory.Path}";

    /// <summary>Number of the last event of the store that is known here; null before the first contact.</summary>
    internal ulong? LastEvent => _met ? _monitor.LastEvent : null;

    /// <summary>How long the server has been away; null while it is there.</summary>
    internal TimeSpan? AwayFor => _health.IsUp ? null : _health.TimeInState;

    /// <summary>A path that is known to be valid, from memory alone; null says nothing.</summary>
    public PathHandle? FindKnown(StorePath path) => TryFindHere(Key256.OfHashPart(path.BaseName), path);

    /// <summary>Learns a record that a registration gave back.</summary>
    /// <param name="record">What is registered.</param>
    /// <param name="sent">What was to be registered; null where not all of it is known to be right here.</param>
    /// <exception cref="StoreVerificationException">It does not verify.</exception>
    internal PathHandle AdoptRegistered(PathRecord record, PathRecord? sent)
    {
        var handle = sent is null ? _verifier!.Verify(record) : _verifier!.VerifyAnswer(record, sent);
        var key = Key256.OfHashPart(record.BaseName);
        if (_pending.Find(in key) is { } pending && pending.Path == handle.Path && pending.Digest == handle.Digest)
        {
            // The handle that the mount gave node ids.
            pending.Info = handle.Info;
            handle = pending;
        }

        _metadata.Put(new MetadataKey(MetadataKind.Path, key), record.ToByteArray());
        return _table.Adopt(in key, handle, record.Event);
    }

    /// <summary>From now on the path is valid here, though the server does not know it yet.</summary>
    internal void AddPending(PendingPath path)
    {
        foreach (var section in path.Sections)
        {
            _sections.Keep(section);
        }

        if (!_pending.TryAdd(path))
        {
            // Two added the same; either will do.
            foreach (var chunk in path.Chunks.Values)
            {
                chunk.Release();
            }
        }
    }

    /// <summary>The server knows the path now, or has refused it.</summary>
    internal void RemovePending(StorePath path, bool registered)
    {
        if (_pending.Remove(Key256.OfHashPart(path.BaseName)) is not { } pending)
        {
            return;
        }

        // Its content counts as that of all others from now on.
        var handle = pending.Handle;
        if (handle.Tree is { } tree && handle.Content is { } content)
        {
            _contentMemory.Add(handle, tree, tree.MemoryBytes);
            _contentMemory.Add(handle, content, content.MemoryBytes);
        }

        foreach (var (id, chunk) in pending.Chunks)
        {
            _chunkMemory.Add(in id, chunk);
            chunk.Release();
        }

        if (!registered)
        {
            handle.IsRemoved = true;
            _changes.Publish(new StoreChange(StoreChangeKind.Removed, path.BaseName));
        }
    }
}
