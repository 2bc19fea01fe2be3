using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Packs and the chunks in them.</summary>
public interface IChunkIndex
{
    /// <summary>Which of these chunks are not in the scope: result[i] is true where <c>ids[i]</c> would have to be sent. A hint.</summary>
    Task<bool[]> FindMissingChunksAsync(ChunkScope scope, IReadOnlyList<ChunkId> ids, CancellationToken cancellationToken = default);

    /// <summary>Where chunks lie, by position in <paramref name="ids"/>; null for those that are not in the scope.</summary>
    Task<ChunkLocation?[]> FindChunksAsync(ChunkScope scope, IReadOnlyList<ChunkId> ids, CancellationToken cancellationToken = default);

    /// <summary>
    /// Enters chunks whose bytes are durable already and makes them visible in a store; chunks that are there keep their place.
    /// The entry need not survive a power cut by itself: a later registration makes it durable too.
    /// </summary>
    /// <param name="store">Whose upload it was.</param>
    /// <param name="owner">Who holds the open packs that the chunks lie in.</param>
    /// <param name="chunks">Chunks with their places.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>How many were new.</returns>
    /// <exception cref="PackLostException">The owner's lease ran out and another server has taken a pack over; nothing was entered.</exception>
    Task<int> IndexChunksAsync(
        StoreId store, string owner, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken = default);

    /// <summary>Makes chunks that are indexed visible in a store, because their bytes were sent to it once more. Unknown ones are ignored.</summary>
    Task ShareChunksAsync(StoreId store, IReadOnlyList<ChunkId> ids, CancellationToken cancellationToken = default);

    /// <summary>Creates the row of a new, open pack. Durable when this returns.</summary>
    Task<PackRecord> CreatePackAsync(string name, string owner, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Extends the lease of the owner's open packs; returns those that are still its own.</summary>
    Task<IReadOnlyList<PackId>> RenewPackLeasesAsync(string owner, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Takes over an open pack whose lease has run out or that was released; false where another process was quicker.</summary>
    Task<bool> ClaimPackAsync(PackId pack, string owner, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Gives up an open pack that is the owner's, so that any server may recover it at once.</summary>
    Task ReleasePackAsync(PackId pack, string owner, CancellationToken cancellationToken = default);

    /// <summary>Marks a pack sealed. False where the owner had lost it.</summary>
    Task<bool> SealPackAsync(PackId pack, string owner, long totalBytes, CancellationToken cancellationToken = default);

    /// <summary>Removes the row of an open pack that no chunk is indexed in.</summary>
    Task DeleteEmptyPackAsync(PackId pack, CancellationToken cancellationToken = default);

    /// <summary>
    /// Gives a sealed pack the object of another one, which holds the same chunks at the same offsets and whose row goes. Durable when this
    /// returns.
    /// </summary>
    /// <param name="pack">The pack that keeps its number.</param>
    /// <param name="replacement">The open row of the new object, without chunks; its owner is the caller.</param>
    /// <param name="totalBytes">Bytes of the new object.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False where the pack has another object by now, or the replacement was taken over; then nothing has changed.</returns>
    Task<bool> ReplacePackAsync(PackRecord pack, PackRecord replacement, long totalBytes, CancellationToken cancellationToken = default);

    /// <summary>The pack of that number, or null.</summary>
    Task<PackRecord?> FindPackAsync(PackId pack, CancellationToken cancellationToken = default);

    /// <summary>All packs, oldest first.</summary>
    Task<IReadOnlyList<PackRecord>> ListPacksAsync(CancellationToken cancellationToken = default);

    /// <summary>Open packs whose lease has run out or that were released, oldest first.</summary>
    Task<IReadOnlyList<PackRecord>> ListAbandonedPacksAsync(CancellationToken cancellationToken = default);

    /// <summary>The chunks indexed in a pack, by offset.</summary>
    Task<IReadOnlyList<IndexedChunk>> ListPackChunksAsync(PackId pack, CancellationToken cancellationToken = default);

    /// <summary>Enters a sealed pack found in the blob store with all its chunks, visible in the given store; for rebuilding the index.</summary>
    Task<PackRecord> AdoptPackAsync(
        string name, long totalBytes, StoreId store, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken = default);
}
