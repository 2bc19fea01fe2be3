using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A chunk together with its place.</summary>
/// <param name="Id">SHA-256 of the plain bytes.</param>
/// <param name="Location">Where it lies.</param>
public readonly record struct IndexedChunk(ChunkId Id, ChunkLocation Location);
