using NixFuseStore.Content;
using NixFuseStore.Protocol.DataPlane;

namespace NixFuseStore.Client.Push;

/// <summary>A chunk as it travels.</summary>
/// <param name="Id">The name of its plain bytes.</param>
/// <param name="Encoding">How <paramref name="Stored"/> holds them.</param>
/// <param name="PlainLength">Plain bytes.</param>
/// <param name="Stored">The bytes to send, in memory of their own.</param>
internal sealed record PackedChunk(ChunkId Id, ChunkEncoding Encoding, int PlainLength, ReadOnlyMemory<byte> Stored);
