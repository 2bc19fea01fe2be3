namespace NixFuseStore.Content;

/// <summary>Takes the chunks of a <see cref="ContentBuilder"/> as they are cut.</summary>
public interface IChunkSink
{
    /// <summary>Called once a chunk, in stream order, on the thread that feeds the builder; an equal chunk may come again.</summary>
    /// <param name="id">The chunk's name.</param>
    /// <param name="plain">Its blanked bytes; valid during the call only.</param>
    void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain);
}
