using Google.Protobuf;
using NixFuseStore.Cache;
using NixFuseStore.Client.Changes;
using NixFuseStore.Client.Metadata;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Pending;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Lookup;

/// <summary>What a writer of the same store makes valid here: at once, before the server knows it, and for good. Any thread.</summary>
/// <param name="identity">Verifies records.</param>
/// <param name="table">Records in memory.</param>
/// <param name="pending">Paths that the server does not know yet.</param>
/// <param name="metadata">Records on disk.</param>
/// <param name="sections">Keeps the sections of what is added.</param>
/// <param name="contents">Bounds opened manifests.</param>
/// <param name="chunks">Bounds chunks in memory.</param>
/// <param name="changes">Those that watch.</param>
internal sealed class AddedPaths(
    StoreIdentity identity,
    PathTable table,
    PendingPaths pending,
    MetadataCache metadata,
    SectionFetcher sections,
    ContentMemory contents,
    ChunkMemory chunks,
    ChangeHub changes)
{
    /// <summary>Learns a record that a registration gave back.</summary>
    /// <param name="record">What is registered.</param>
    /// <param name="sent">What was to be registered; null where not all of it is known to be right here.</param>
    /// <exception cref="StoreVerificationException">It does not verify.</exception>
    public PathHandle AdoptRegistered(PathRecord record, PathRecord? sent)
    {
        var handle = sent is null ? identity.Verifier.Verify(record) : identity.Verifier.VerifyAnswer(record, sent);
        var key = Key256.OfHashPart(record.BaseName);
        if (pending.Find(in key) is { } added && added.Path == handle.Path && added.Digest == handle.Digest)
        {
            // The handle that the mount gave node ids.
            added.Info = handle.Info;
            handle = added;
        }

        metadata.Put(new MetadataKey(MetadataKind.Path, key), record.ToByteArray());
        return table.Adopt(in key, handle, record.Event);
    }

    /// <summary>From now on the path is valid here, though the server does not know it yet.</summary>
    public void Add(PendingPath path)
    {
        foreach (var section in path.Sections)
        {
            sections.Keep(section);
        }

        if (!pending.TryAdd(path))
        {
            // Two added the same; either will do.
            foreach (var chunk in path.Chunks.Values)
            {
                chunk.Release();
            }
        }
    }

    /// <summary>The server knows the path now, or has refused it.</summary>
    public void Remove(StorePath path, bool registered)
    {
        if (pending.Remove(Key256.OfHashPart(path.BaseName)) is not { } removed)
        {
            return;
        }

        // Its content counts as that of all others from now on.
        var handle = removed.Handle;
        if (handle.Tree is { } tree && handle.Content is { } content)
        {
            contents.Add(handle, tree, tree.MemoryBytes);
            contents.Add(handle, content, content.MemoryBytes);
        }

        foreach (var (id, chunk) in removed.Chunks)
        {
            chunks.Add(in id, chunk);
            chunk.Release();
        }

        if (!registered)
        {
            handle.IsRemoved = true;
            changes.Publish(new StoreChange(StoreChangeKind.Removed, path.BaseName));
        }
    }
}
