namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// The bytes of a location row: runs of chunks that lie side by side in one pack. All numbers are LEB128.
/// <code>
/// run:   pack, offset of the first chunk, number of chunks (at least 1)
/// chunk: stored length * 2 + encoding, plain length
/// </code>
/// </summary>
internal static class LocationCodec
{
    public static byte[] Encode(IReadOnlyList<ChunkLocation> chunks)
    {
        var bytes = new List<byte>((chunks.Count * 6) + 16);
        for (int first = 0; first < chunks.Count;)
        {
            int end = first + 1;
            while (end < chunks.Count && Follows(chunks[end - 1], chunks[end]))
            {
                end++;
            }

            Write(bytes, (uint)chunks[first].Pack.Value);
            Write(bytes, (uint)chunks[first].Offset);
            Write(bytes, (uint)(end - first));
            for (; first < end; first++)
            {
                Write(bytes, ((uint)chunks[first].StoredLength << 1) | (uint)chunks[first].Encoding);
                Write(bytes, (uint)chunks[first].PlainLength);
            }
        }

        return [.. bytes];
    }

    /// <exception cref="InvalidDataException">These are not the bytes of a location row.</exception>
    public static ChunkLocation[] Decode(ReadOnlySpan<byte> bytes)
    {
        var chunks = new List<ChunkLocation>(bytes.Length / 5);
        while (!bytes.IsEmpty)
        {
            var pack = new PackId((int)Read(ref bytes));
            uint offset = Read(ref bytes);
            for (uint left = Read(ref bytes); left > 0; left--)
            {
                uint stored = Read(ref bytes);
                uint plain = Read(ref bytes);
                chunks.Add(new ChunkLocation(pack, (int)offset, (int)(stored >> 1), (int)plain, (ChunkEncoding)(stored & 1)));
                offset += stored >> 1;
            }
        }

        return [.. chunks];
    }

    private static bool Follows(ChunkLocation before, ChunkLocation after) =>
        before.Pack == after.Pack && before.Offset + before.StoredLength == after.Offset;

    private static void Write(List<byte> bytes, uint value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
    }

    private static uint Read(ref ReadOnlySpan<byte> bytes)
    {
        uint value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            if (bytes.IsEmpty)
            {
                break;
            }

            byte next = bytes[0];
            bytes = bytes[1..];
            value |= (uint)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("The database holds a broken location row.");
    }
}
