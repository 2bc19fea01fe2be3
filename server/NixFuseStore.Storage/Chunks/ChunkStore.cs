using NixFuseStore.Content;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Chunks;

/// <summary>
/// Chunks in packs: what a server process stores and reads chunks with. It keeps one open pack and writes in groups, so that all
/// who store at the same time share one flush. All calls may overlap. Owns neither of the two stores below it.
/// </summary>
public sealed class ChunkStore : IAsyncDisposable
{
    /// <summary>Opens the store and recovers packs that crashed servers left open.</summary>
    public static Task<ChunkStore> OpenAsync(
        IMetadataStore metadata, IBlobStore blobs, ChunkStoreOptions? options = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>What it has done so far.</summary>
    public ChunkStoreCounters Counters => throw new NotImplementedException();

    /// <summary>
    /// Stores chunks for a store; when it returns they are durable, indexed and visible in that store. Those that exist already are
    /// not written again, whichever store they came from: who sends the bytes may read them.
    /// </summary>
    /// <exception cref="BlobStoreFullException">No space is left; none of the new chunks was stored.</exception>
    /// <exception cref="MetadataUnavailableException">The database is away; it is not known which were stored.</exception>
    public Task<StoreChunksResult> StoreAsync(
        StoreId store, IReadOnlyList<ChunkUpload> chunks, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Fills the destination with stored bytes of a pack, for instance several neighbouring chunks at once.</summary>
    public ValueTask ReadAsync(PackId pack, long offset, Memory<byte> destination, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Reads one chunk, decodes it and compares it with its id.</summary>
    /// <param name="id">The chunk.</param>
    /// <param name="location">Where it lies.</param>
    /// <param name="plain">Exactly <see cref="ChunkLocation.PlainLength"/> bytes.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="InvalidDataException">The pack holds other bytes than it should.</exception>
    public ValueTask ReadVerifiedAsync(
        ChunkId id, ChunkLocation location, Memory<byte> plain, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
