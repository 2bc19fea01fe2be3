using NixFuseStore.Content;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Packs;

/// <summary>A chunk to be stored as it is. The caller has verified that the payload decodes to the plain bytes that the id names.</summary>
/// <param name="Id">SHA-256 of the plain bytes.</param>
/// <param name="Encoding">How the payload is to be decoded.</param>
/// <param name="PlainLength">Bytes once decoded.</param>
/// <param name="Payload">The stored bytes; must stay unchanged until the call returns.</param>
public readonly record struct ChunkUpload(ChunkId Id, ChunkEncoding Encoding, int PlainLength, ReadOnlyMemory<byte> Payload);
