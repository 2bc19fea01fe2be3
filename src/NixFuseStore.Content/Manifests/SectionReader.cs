namespace NixFuseStore.Content;

/// <summary>Reads the parts of a section front to back; whatever is short or not canonical throws.</summary>
internal ref struct SectionReader(ReadOnlySpan<byte> bytes, string section)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly string _section = section;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    public readonly int Left => _bytes.Length - Position;

    /// <summary>Reads a little-endian base-128 number in its shortest form.</summary>
    public ulong ReadVarint()
    {
        // Nearly all numbers of a manifest are below 128 or 16,384, hence the short way first.
        var position = Position;
        if (position < _bytes.Length && _bytes[position] < 0x80)
        {
            Position = position + 1;
            return _bytes[position];
        }

        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (position == _bytes.Length)
            {
                throw Fail("ends within a number");
            }

            ulong part = _bytes[position++];
            value |= (part & 0x7F) << shift;
            if (part < 0x80)
            {
                if (part == 0 || (shift == 63 && part > 1))
                {
                    throw Fail("holds a number that is not in its shortest form");
                }

                Position = position;
                return value;
            }
        }

        throw Fail("holds a number beyond 64 bits");
    }

    /// <summary>Reads a number that says how many things follow, each of which takes at least <paramref name="bytesEach"/> bytes.</summary>
    /// <remarks>So that nothing is allocated that the section's own length does not justify.</remarks>
    public int ReadCount(int bytesEach)
    {
        var count = ReadVarint();
        if (count > (ulong)(Left / bytesEach))
        {
            throw Fail("counts more than it holds");
        }

        return (int)count;
    }

    public ReadOnlySpan<byte> ReadBytes(int length)
    {
        if ((uint)length > (uint)Left)
        {
            throw Fail("is cut short");
        }

        var bytes = _bytes.Slice(Position, length);
        Position += length;
        return bytes;
    }

    public readonly void End()
    {
        if (Left != 0)
        {
            throw Fail("goes on behind its end");
        }
    }

    public readonly ManifestFormatException Fail(string what) => new($"The {_section} section {what} (at byte {Position}).");
}
