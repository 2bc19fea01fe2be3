namespace NixFuseStore.Content;

/// <summary>A piece of one chunk.</summary>
/// <param name="Ordinal">The chunk's place in the <see cref="ChunkList"/>.</param>
/// <param name="Offset">First byte of the piece within the chunk.</param>
/// <param name="Length">Bytes of the piece.</param>
public readonly record struct ChunkSlice(int Ordinal, int Offset, int Length);
