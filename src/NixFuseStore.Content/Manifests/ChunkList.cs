namespace NixFuseStore.Content;

/// <summary>The chunk section: id and length of every chunk in stream order. Immutable; any thread; only <see cref="Parse"/> allocates.</summary>
public sealed partial class ChunkList
{
    /// <summary>Chunks in the stream.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>Bytes of all chunks together.</summary>
    public long StreamLength => throw new NotImplementedException();

    /// <summary>Reads and fully validates a chunk section. Its digest is not checked here: see <see cref="ManifestHeader.OpenChunks"/>.</summary>
    /// <param name="section">Plain canonical bytes, which the list goes on using.</param>
    /// <exception cref="ManifestFormatException">The bytes are not canonical.</exception>
    public static ChunkList Parse(ReadOnlyMemory<byte> section) => throw new NotImplementedException();

    /// <summary>The name of a chunk.</summary>
    public ChunkId Id(int ordinal) => throw new NotImplementedException();

    /// <summary>Plain bytes of a chunk, at least 1.</summary>
    public int Length(int ordinal) => throw new NotImplementedException();

    /// <summary>Where a chunk begins in the stream; for <see cref="Count"/>, the stream's length.</summary>
    public long Offset(int ordinal) => throw new NotImplementedException();

    /// <summary>The chunk that holds a stream position.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The position is not within the stream.</exception>
    public int Find(long streamOffset) => throw new NotImplementedException();
}
