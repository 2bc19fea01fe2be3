using NixFuseStore.Content;

namespace NixFuseStore.Cache;

/// <summary>
/// A bounded set of chunks, by digest, on local disk. All members may be called from any thread at any time, also before the cache is
/// open and after it was disposed: then everything is missing and nothing is kept. No call ever waits for a write.
/// </summary>
public interface IChunkCache : IAsyncDisposable
{
    /// <summary>What the cache holds and how it fares. Cheap enough to be asked for every second.</summary>
    ChunkCacheStatus Status { get; }

    /// <summary>
    /// Reads a chunk from memory or disk. The bytes were checked against <paramref name="id"/> after they were read from disk.
    /// </summary>
    /// <param name="id">The chunk's digest.</param>
    /// <param name="length">Plain bytes of the chunk; an entry of another length is missing. Negative: not known.</param>
    /// <param name="cancellationToken">Gives up waiting; the read itself ends in the background.</param>
    /// <returns>The chunk, which the caller releases; null when it is missing, was damaged, or the disk did not answer in time.</returns>
    ValueTask<ChunkBuffer?> TryGetAsync(ChunkId id, int length, CancellationToken cancellationToken);

    /// <summary>
    /// Reads a chunk if no disk is needed for it; never waits. False says nothing about the disk: ask <see cref="Contains"/>.
    /// </summary>
    /// <param name="id">The chunk's digest.</param>
    /// <param name="chunk">The chunk, which the caller releases.</param>
    bool TryGetFromMemory(in ChunkId id, out ChunkBuffer? chunk);

    /// <summary>Whether the cache believes to hold the chunk. No disk is asked; a read may still find it damaged.</summary>
    bool Contains(in ChunkId id);

    /// <summary>
    /// Says that a chunk was used though it was not read from here (it was hot in a memory before the cache), so that it is not evicted.
    /// </summary>
    void MarkUsed(in ChunkId id);

    /// <summary>
    /// Offers a chunk whose digest the caller has verified. Takes its own reference and never blocks: a chunk is dropped (and counted)
    /// when the writer cannot keep up, when the cache is bypassed, or when the chunk is larger than the cache takes.
    /// </summary>
    /// <returns>Whether it will be written; false where it was dropped.</returns>
    bool Offer(ChunkBuffer chunk, ChunkId id);

    /// <summary>
    /// Reads every entry and recomputes its digest. Reading and writing go on meanwhile.
    /// </summary>
    /// <param name="repair">Whether damaged entries are dropped, so that they are fetched again.</param>
    /// <param name="progress">Told now and then how far it is; may be null.</param>
    /// <param name="cancellationToken">Ends the walk with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="InvalidOperationException">The cache is not open.</exception>
    Task<VerifyReport> VerifyAsync(bool repair, IProgress<VerifyProgress>? progress, CancellationToken cancellationToken);
}
