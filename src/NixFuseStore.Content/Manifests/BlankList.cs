namespace NixFuseStore.Content;

/// <summary>
/// The blanks section together with the hashes of a header: where in the content stream which store hash has to be put back.
/// Immutable; any thread; only <see cref="Parse"/> allocates.
/// </summary>
public sealed class BlankList
{
    private readonly long[] _positions;
    private readonly ushort[] _hashes;
    private readonly byte[] _texts; // of the hashes, 32 characters each

    private BlankList(long[] positions, ushort[] hashes, byte[] texts)
    {
        _positions = positions;
        _hashes = hashes;
        _texts = texts;
    }

    /// <summary>Blanked places in the stream.</summary>
    public int Count => _positions.Length;

    /// <summary>Bytes of memory that the list keeps alive, for caches with a bound.</summary>
    public long MemoryBytes => (_positions.Length * (sizeof(long) + sizeof(ushort))) + _texts.Length;

    /// <summary>Hashes of the header that stand in the stream: the first ones.</summary>
    internal int HashEnd => _texts.Length / StoreHash.TextBytes;

    /// <summary>Reads and fully validates a blanks section. Its digest is not checked here: see <see cref="ManifestHeader.OpenBlanks"/>.</summary>
    /// <param name="section">Plain canonical bytes; not kept.</param>
    /// <param name="header">The header that holds the hashes.</param>
    /// <exception cref="ManifestFormatException">The bytes are not canonical, or name hashes that the header lacks.</exception>
    public static BlankList Parse(ReadOnlyMemory<byte> section, ManifestHeader header)
    {
        if (section.IsEmpty)
        {
            return new BlankList([], [], []);
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
        var texts = new byte[(int)hashEnd * StoreHash.TextBytes];
        for (var hash = 0; hash < (int)hashEnd; hash++)
        {
            header.CopyHash(hash, texts.AsSpan(hash * StoreHash.TextBytes));
        }

        return new BlankList(positions, hashes, texts);
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

        var first = FirstTouching(streamStart);
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
        var (first, end) = Touching(streamStart, bytes.Length);
        for (var blank = first; blank < end; blank++)
        {
            var (from, skip, length) = Cut(blank, streamStart, bytes.Length);
            _texts.AsSpan((_hashes[blank] * StoreHash.TextBytes) + skip, length).CopyTo(bytes[from..]);
        }

        return end - first;
    }

    /// <summary>Whether a stream range is blank wherever it must be: else it is not what was cut, though <see cref="Patch"/> would hide it.</summary>
    internal bool IsBlanked(long streamStart, ReadOnlySpan<byte> bytes)
    {
        var (first, end) = Touching(streamStart, bytes.Length);
        for (var blank = first; blank < end; blank++)
        {
            var (from, _, length) = Cut(blank, streamStart, bytes.Length);
            if (bytes.Slice(from, length).ContainsAnyExcept(StoreHash.Blank))
            {
                return false;
            }
        }

        return true;
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

    /// <summary>The blanks, from the first to before the end, of which at least one byte lies in a stream range.</summary>
    private (int First, int End) Touching(long streamStart, long length)
    {
        if (length <= 0)
        {
            return (0, 0);
        }

        var first = FirstTouching(streamStart);
        var end = first;
        while (end < _positions.Length && _positions[end] - streamStart < length)
        {
            end++;
        }

        return (first, end);
    }

    /// <summary>The first blank that ends behind a stream position: one that begins less than its length before it, or later.</summary>
    private int FirstTouching(long streamStart) => SortedSearch.FirstAtLeast(_positions, streamStart - StoreHash.TextBytes + 1);

    /// <summary>What of a blank lies in a range: where in the range, how much of the blank before it, how much in it.</summary>
    private (int From, int Skip, int Length) Cut(int blank, long streamStart, int length)
    {
        var at = (int)(_positions[blank] - streamStart);
        var skip = Math.Max(0, -at);
        return (at + skip, skip, Math.Min(StoreHash.TextBytes, length - at) - skip);
    }
}
