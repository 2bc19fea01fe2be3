namespace NixFuseStore.Content;

/// <summary>Gives the plain bytes of chunks, synchronously.</summary>
public interface IChunkSource
{
    /// <summary>Fills <paramref name="destination"/>, whose length is the chunk's, with the chunk's plain bytes.</summary>
    /// <exception cref="IOException">The chunk is not there, cannot be read, or has another length.</exception>
    void Read(in ChunkId id, Span<byte> destination);
}
