namespace NixFuseStore.Content.Tests;

/// <summary>Chunks in memory, as a sink and as a source.</summary>
internal sealed class MemoryChunks : IChunkSink, IChunkSource
{
    public Dictionary<ChunkId, byte[]> Chunks { get; } = [];

    public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
    {
        Assert.Equal(ChunkId.Compute(plain), id);
        Chunks[id] = plain.ToArray();
    }

    public void Read(in ChunkId id, Span<byte> destination)
    {
        if (!Chunks.TryGetValue(id, out var plain) || plain.Length != destination.Length)
        {
            throw new IOException($"Chunk {id} is not there.");
        }

        plain.CopyTo(destination);
    }
}
