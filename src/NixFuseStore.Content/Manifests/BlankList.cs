namespace NixFuseStore.Content;

/// <summary>
/// The blanks section together with the hashes of a header: where in the content stream which store hash has to be put back.
/// Immutable; any thread; only <see cref="Parse"/> allocates.
/// </summary>
public sealed class BlankList
{
    private readonly ManifestHeader _header;
    private readonly long[] _positions;
    private readonly ushort[] _hashes;

    private BlankList(ManifestHeader header, long[] positions, ushort[] hashes, int hashEnd)
    {
        _header = header;
        _positions = positions;
        _hashes = hashes;
        HashEnd = hashEnd;
    }

    /// <summary>Blanked places in the stream.</summary>
    public int Count => _positions.Length;

    /// <summary>Bytes of memory that the list keeps alive, for caches with a bound.</summary>
    public long MemoryBytes => _positions.Length * (sizeof(long) + sizeof(ushort));

    /// <summary>Hashes of the header that stand in the stream: the first ones.</summary>
    internal int HashEnd { get; }

    /// <summary>Reads and fully validates a blanks section. Its digest is not checked here: see <see cref="ManifestHeader.OpenBlanks"/>.</summary>
    /// <param name="section">Plain canonical bytes; not kept.</param>
    /// <param name="header">The header that holds the hashes.</param>
    /// <exception cref="ManifestFormatException">The bytes are not canonical, or name hashes that the header lacks.</exception>
    public static BlankList Parse(ReadOnlyMemory<byte> section, ManifestHeader header)
    {
        if (section.IsEmpty)
        {
            return new BlankList(header, [], [], 0);
        }

        var reader = new SectionReader(section.Span, "blanks");
        var count = reader.ReadCount(2);
        if (count == 0)
        {
            throw reader.Fail("says that there are no blanks, instead of being empty");
        }

        // 1. Positions: each counts from the end of the blank before, so that they ascend and cannot overlap.
        var positions = new long[count];
        long end = 0;
        for (var blank = 0; blank < count; blank++)
        {
            var gap = reader.ReadVarint();
            if (gap > (ulong)(header.StreamLength - end) || header.StreamLength - end - (long)gap < StoreHash.TextBytes)
            {
                throw reader.Fail("blanks behind the stream's end");
            }

            positions[blank] = end + (long)gap;
            end = positions[blank] + StoreHash.TextBytes;
        }

        // 2. Hashes, which are numbered as they first appear.
        var hashes = new ushort[count];
        ulong hashEnd = 0;
        for (var blank = 0; blank < count; blank++)
        {
            var hash = reader.ReadVarint();
            if (hash > hashEnd || hash >= (ulong)header.HashCount)
            {
                throw reader.Fail("names a store hash out of order");
            }

            hashes[blank] = (ushort)hash;
            hashEnd = Math.Max(hashEnd, hash + 1);
        }

        reader.End();
        return new BlankList(header, positions, hashes, (int)hashEnd);
    }

    /// <summary>Stream position of a blank: its 32 bytes stand there.</summary>
    public long Position(int blank) => _positions[blank];

    /// <summary>Whether any byte of [streamStart, streamStart + length) is blanked.</summary>
    public bool Overlaps(long streamStart, long length)
    {
        if (length <= 0)
        {
            return false;
        }

        var first = FirstBehind(streamStart);
        return first < _positions.Length && _positions[first] - streamStart < length;
    }

    /// <summary>
    /// Puts the hashes back into a copy of a stream range; blanks that the range cuts are restored as far as they lie in it.
    /// </summary>
    /// <param name="streamStart">Stream position of the first byte.</param>
    /// <param name="bytes">The range's blanked bytes, changed in place.</param>
    /// <returns>Blanks that were restored, wholly or in part.</returns>
    public int Patch(long streamStart, Span<byte> bytes)
    {
        var first = FirstBehind(streamStart);
        var blank = first;
        Span<byte> text = stackalloc byte[StoreHash.TextBytes];
        for (; blank < _positions.Length && _positions[blank] - streamStart < bytes.Length; blank++)
        {
            _header.CopyHash(_hashes[blank], text);
            var at = (int)(_positions[blank] - streamStart);
            var skip = Math.Max(0, -at);
            var length = Math.Min(StoreHash.TextBytes, bytes.Length - at) - skip;
            text.Slice(skip, length).CopyTo(bytes[(at + skip)..]);
        }

        return blank - first;
    }

    internal static byte[] Write(IReadOnlyList<(long Position, int Hash)> blanks)
    {
        if (blanks.Count == 0)
        {
            return [];
        }

        var writer = new SectionWriter((blanks.Count * 4) + 5);
        writer.WriteVarint((ulong)blanks.Count);
        long end = 0;
        foreach (var (position, _) in blanks)
        {
            writer.WriteVarint((ulong)(position - end));
            end = position + StoreHash.TextBytes;
        }

        foreach (var (_, hash) in blanks)
        {
            writer.WriteVarint((ulong)hash);
        }

        return writer.ToArray();
    }

    /// <summary>The first blank that ends behind a stream position.</summary>
    private int FirstBehind(long streamStart)
    {
        // Positions are distinct, so searching for the first that begins behind start - 32 is enough.
        var place = _positions.AsSpan().BinarySearch(streamStart - StoreHash.TextBytes + 1);
        return place >= 0 ? place : ~place;
    }
}
