namespace NixFuseStore.Storage.Metadata;

/// <summary>Where a chunk's stored bytes lie.</summary>
/// <param name="Pack">The pack.</param>
/// <param name="Offset">From the beginning of the pack, in bytes.</param>
/// <param name="StoredLength">Bytes in the pack.</param>
/// <param name="PlainLength">Bytes once decoded.</param>
/// <param name="Encoding">How to decode them.</param>
public readonly record struct ChunkLocation(PackId Pack, int Offset, int StoredLength, int PlainLength, ChunkEncoding Encoding);
