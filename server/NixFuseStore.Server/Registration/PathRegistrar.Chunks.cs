using NixFuseStore.Content;
using NixFuseStore.Protocol;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Server.Registration;

/// <summary>Where the chunks of claims are, and come to be.</summary>
internal sealed partial class PathRegistrar
{
    /// <summary>Chunks that came along are small: a few kilobytes compress in microseconds at this level too.</summary>
    private const int InlineCompressionLevel = 9;

    /// <summary>Finds the chunks that did not come along; a claim some of whose chunks are missing is told which.</summary>
    private async Task LocateAsync(ChunkScope scope, List<SubmittedPath> claims, RegisterPathResult[] results, CancellationToken cancellation)
    {
        var wanted = new HashSet<ChunkId>();
        foreach (var claim in claims)
        {
            wanted.UnionWith(claim.ChunkIds.Where(id => !claim.InlineChunks.ContainsKey(id)));
        }

        if (wanted.Count == 0)
        {
            return;
        }

        ChunkId[] ids = [.. wanted];
        var found = await metadata.FindChunksAsync(scope, ids, cancellation).ConfigureAwait(false);
        var places = new Dictionary<ChunkId, ChunkLocation>(ids.Length);
        for (var i = 0; i < ids.Length; i++)
        {
            if (found[i] is { } place)
            {
                places.Add(ids[i], place);
            }
        }

        foreach (var claim in claims)
        {
            var missing = new HashSet<ChunkId>();
            foreach (var id in claim.ChunkIds)
            {
                if (claim.InlineChunks.ContainsKey(id))
                {
                    continue;
                }

                if (places.TryGetValue(id, out var place))
                {
                    claim.Locations[id] = place;
                }
                else
                {
                    missing.Add(id);
                }
            }

            if (missing.Count > 0)
            {
                results[claim.Index] = MissingChunks([.. missing]);
            }
        }
    }

    /// <summary>Looks at all chunks of a claim one of which is damaged, so that the client sends all that is needed at once.</summary>
    private async Task<RegisterPathResult> FindMissingAsync(SubmittedPath claim, CancellationToken cancellation)
    {
        IndexedChunk[] located = [.. claim.Locations.Select(pair => new IndexedChunk(pair.Key, pair.Value))];
        var damaged = await chunks.Verifier.FindDamagedAsync(located, cancellation).ConfigureAwait(false);
        return damaged.Count > 0
            ? MissingChunks([.. damaged.Select(chunk => chunk.Id)])
            : throw new IOException($"chunks of {claim.Info.Path} could not be read, and now they can: register again");
    }

    private async Task StoreInlineChunksAsync(StoreRecord store, List<SubmittedPath> claims, CancellationToken cancellation)
    {
        var uploads = new Dictionary<ChunkId, ChunkUpload>();
        foreach (var claim in claims)
        {
            foreach (var (id, plain) in claim.InlineChunks)
            {
                uploads.TryAdd(id, ChunkEncoder.Encode(id, plain, InlineCompressionLevel));
            }
        }

        if (uploads.Count > 0)
        {
            await chunks.StoreAsync(store.Id, [.. uploads.Values], cancellation).ConfigureAwait(false);
        }
    }

    private static RegisterPathResult MissingChunks(IReadOnlyList<ChunkId> ids)
    {
        var bytes = new byte[ids.Count * ChunkId.Size];
        for (var i = 0; i < ids.Count; i++)
        {
            ids[i].CopyTo(bytes.AsSpan(i * ChunkId.Size));
        }

        return new RegisterPathResult
        {
            Outcome = Outcome.MissingChunks,
            Message = $"{ids.Count} chunks are missing",
            MissingChunkIds = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(bytes),
        };
    }
}
