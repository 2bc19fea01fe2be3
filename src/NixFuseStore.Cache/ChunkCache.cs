using NixFuseStore.Content;

namespace NixFuseStore.Cache;

/// <summary>The chunk cache over a FASTER log.</summary>
public sealed class ChunkCache : IChunkCache
{
    /// <inheritdoc/>
    public ChunkCacheStatus Status => throw new NotSupportedException();

    /// <summary>Opens (or makes) a cache and waits until it answers. A damaged one is set aside and the cache starts empty.</summary>
    /// <exception cref="CacheInUseException">Another process has the directory.</exception>
    /// <exception cref="IOException">The directory cannot be made or written.</exception>
    public static Task<ChunkCache> OpenAsync(ChunkCacheOptions options, CancellationToken cancellationToken = default) =>
        Task.FromException<ChunkCache>(new NotSupportedException());

    /// <summary>
    /// Takes the directory's lock and opens the cache in the background; until then everything is missing and what is offered is dropped.
    /// </summary>
    /// <exception cref="CacheInUseException">Another process has the directory.</exception>
    /// <exception cref="IOException">The directory cannot be made or written.</exception>
    public static ChunkCache OpenInBackground(ChunkCacheOptions options) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask<ChunkBuffer?> TryGetAsync(ChunkId id, int length, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask<ChunkBuffer?[]> TryGetManyAsync(ReadOnlyMemory<ChunkId> ids, CancellationToken cancellationToken) => throw new NotSupportedException();

    /// <inheritdoc/>
    public bool TryGetFromMemory(in ChunkId id, out ChunkBuffer? chunk) => throw new NotSupportedException();

    /// <inheritdoc/>
    public bool Contains(in ChunkId id) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void MarkUsed(in ChunkId id) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Offer(ChunkBuffer chunk, ChunkId id) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<VerifyReport> VerifyAsync(bool repair, IProgress<VerifyProgress>? progress, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
