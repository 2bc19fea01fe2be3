namespace NixFuseStore.Content;

/// <summary>The chunk section: id and length of every chunk in stream order. Immutable; any thread; only <see cref="Parse"/> allocates.</summary>
public sealed class ChunkList
{
    private readonly ReadOnlyMemory<byte> _ids;
    private readonly long[] _offsets; // one more than chunks: the last is the stream's length

    private ChunkList(ReadOnlyMemory<byte> ids, long[] offsets)
    {
        _ids = ids;
        _offsets = offsets;
    }

    /// <summary>Chunks in the stream.</summary>
    public int Count => _offsets.Length - 1;

    /// <summary>Bytes of all chunks together.</summary>
    public long StreamLength => _offsets[^1];

    /// <summary>Bytes of memory that the list keeps alive, for caches with a bound.</summary>
    public long MemoryBytes => (_offsets.Length * sizeof(long)) + _ids.Length;

    /// <summary>Reads and fully validates a chunk section. Its digest is not checked here: see <see cref="ManifestHeader.OpenChunks"/>.</summary>
    /// <param name="section">Plain canonical bytes, which the list goes on using.</param>
    /// <exception cref="ManifestFormatException">The bytes are not canonical.</exception>
    public static ChunkList Parse(ReadOnlyMemory<byte> section)
    {
        if (section.IsEmpty)
        {
            return new ChunkList(default, [0]);
        }

        var reader = new SectionReader(section.Span, "chunks");
        var count = reader.ReadCount(1 + ChunkId.Size);
        if (count == 0)
        {
            throw reader.Fail("says that there are no chunks, instead of being empty");
        }

        var offsets = new long[count + 1];
        for (var ordinal = 0; ordinal < count; ordinal++)
        {
            var length = reader.ReadVarint();
            if (length is 0 or > ChunkingParameters.ChunkBytesMax)
            {
                throw reader.Fail("holds a chunk length out of range");
            }

            offsets[ordinal + 1] = offsets[ordinal] + (long)length;
        }

        var ids = section.Slice(reader.Position);
        if (ids.Length != (long)count * ChunkId.Size)
        {
            throw reader.Fail("has another length than its count of chunks says");
        }

        return new ChunkList(ids, offsets);
    }

    /// <summary>The name of a chunk.</summary>
    public ChunkId Id(int ordinal) => ChunkId.Read(_ids.Span.Slice(ordinal * ChunkId.Size, ChunkId.Size));

    /// <summary>Plain bytes of a chunk, at least 1.</summary>
    public int Length(int ordinal) => (int)(_offsets[ordinal + 1] - _offsets[ordinal]);

    /// <summary>Where a chunk begins in the stream; for <see cref="Count"/>, the stream's length.</summary>
    public long Offset(int ordinal) => _offsets[ordinal];

    /// <summary>The chunk that holds a stream position.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The position is not within the stream.</exception>
    public int Find(long streamOffset)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)streamOffset, (ulong)StreamLength, nameof(streamOffset));
        return SortedSearch.FirstAtLeast(_offsets, streamOffset + 1) - 1;
    }

    internal static byte[] Write(IReadOnlyList<(ChunkId Id, int Length)> chunks)
    {
        if (chunks.Count == 0)
        {
            return [];
        }

        var writer = new SectionWriter((chunks.Count * (ChunkId.Size + 3)) + 5);
        writer.WriteVarint((ulong)chunks.Count);
        foreach (var (_, length) in chunks)
        {
            writer.WriteVarint((ulong)length);
        }

        Span<byte> bytes = stackalloc byte[ChunkId.Size];
        foreach (var (id, _) in chunks)
        {
            id.CopyTo(bytes);
            writer.WriteBytes(bytes);
        }

        return writer.ToArray();
    }
}
