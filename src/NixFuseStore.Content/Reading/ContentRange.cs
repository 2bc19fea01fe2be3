namespace NixFuseStore.Content;

/// <summary>
/// A range of a file laid over the stream: which chunks hold it. Enumerates the <see cref="ChunkSlice"/>s in order without allocating.
/// </summary>
public readonly struct ContentRange
{
    private readonly ChunkList _chunks;

    private ContentRange(ChunkList chunks, long streamStart, int length, int firstChunk, int chunkCount)
    {
        _chunks = chunks;
        StreamStart = streamStart;
        Length = length;
        FirstChunk = firstChunk;
        ChunkCount = chunkCount;
    }

    /// <summary>Stream position of the first byte.</summary>
    public long StreamStart { get; }

    /// <summary>Bytes; 0 at or beyond the end of the file.</summary>
    public int Length { get; }

    /// <summary>Ordinal of the first chunk touched; 0 where the range is empty.</summary>
    public int FirstChunk { get; }

    /// <summary>Chunks touched; 0 where the range is empty.</summary>
    public int ChunkCount { get; }

    /// <summary>Finds where [offset, offset + length) of a regular file lies; cut at the end of the file.</summary>
    /// <exception cref="ArgumentException">The entry is no regular file.</exception>
    public static ContentRange Locate(ManifestTree tree, ChunkList chunks, int entry, ulong offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (tree.Kind(entry) != EntryKind.Regular)
        {
            throw new ArgumentException("The entry is no regular file.", nameof(entry));
        }

        var size = tree.Size(entry);
        length = offset >= size ? 0 : (int)Math.Min((ulong)length, size - offset);
        if (length == 0)
        {
            return new ContentRange(chunks, 0, 0, 0, 0);
        }

        var start = (long)(tree.StreamOffset(entry) + offset);
        var first = chunks.Find(start);
        var last = first;
        while (chunks.Offset(last + 1) < start + length)
        {
            last++;
        }

        return new ContentRange(chunks, start, length, first, last - first + 1);
    }

    /// <summary>Whether a store hash was blanked anywhere in the range, so that a copy of it must be patched.</summary>
    public bool HasBlanks(BlankList blanks) => blanks.Overlaps(StreamStart, Length);

    /// <summary>The slices of the range.</summary>
    public Enumerator GetEnumerator() => new(_chunks, StreamStart, Length, FirstChunk);

    /// <summary>Walks over the slices of a range.</summary>
    public struct Enumerator
    {
        private readonly ChunkList _chunks;
        private long _position;
        private int _left;
        private int _next;

        internal Enumerator(ChunkList chunks, long position, int length, int firstChunk)
        {
            _chunks = chunks;
            _position = position;
            _left = length;
            _next = firstChunk;
        }

        /// <summary>The slice at hand.</summary>
        public ChunkSlice Current { get; private set; }

        /// <summary>Goes on to the next slice; false behind the last.</summary>
        public bool MoveNext()
        {
            if (_left == 0)
            {
                return false;
            }

            var within = (int)(_position - _chunks.Offset(_next));
            var length = Math.Min(_left, _chunks.Length(_next) - within);
            Current = new ChunkSlice(_next, within, length);
            _position += length;
            _left -= length;
            _next++;
            return true;
        }
    }
}
