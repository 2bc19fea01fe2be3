using System.Collections.Concurrent;
using NixFuseStore.Cache;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>A chunk cache that outlives readers, as one on disk does, and can be looked into.</summary>
internal sealed class MemoryChunkCache : IChunkCache
{
    public ConcurrentDictionary<ChunkId, byte[]> Chunks { get; } = new();

    public int Reads;

    public ChunkCacheStatus Status => throw new NotSupportedException();

    public ValueTask<ChunkBuffer?> TryGetAsync(ChunkId id, int length, CancellationToken cancellationToken) => new(Get(id, length));

    public bool TryGetFromMemory(in ChunkId id, out ChunkBuffer? chunk)
    {
        chunk = null;
        return false;
    }

    public bool Contains(in ChunkId id) => Chunks.ContainsKey(id);

    public void MarkUsed(in ChunkId id)
    {
    }

    /// <summary>Whether everything that is offered is dropped, as by a cache whose disk is full.</summary>
    public bool IsBypassed { get; set; }

    public bool Offer(ChunkBuffer chunk, ChunkId id)
    {
        if (!IsBypassed)
        {
            Chunks[id] = chunk.Span.ToArray();
        }

        return !IsBypassed;
    }

    public Task<VerifyReport> VerifyAsync(bool repair, IProgress<VerifyProgress>? progress, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ChunkBuffer? Get(ChunkId id, int length)
    {
        Interlocked.Increment(ref Reads);
        if (!Chunks.TryGetValue(id, out var bytes) || (length >= 0 && bytes.Length != length))
        {
            return null;
        }

        var chunk = ChunkBuffer.Allocate(bytes.Length);
        bytes.CopyTo(chunk.Span);
        return chunk;
    }
}
