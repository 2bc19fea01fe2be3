using System.Buffers.Binary;
using System.IO.Hashing;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// The bytes of a location row: runs of chunks that lie side by side in one pack. Numbers are LEB128, sums eight bytes, little-endian.
/// <code>
/// row:   0, 2 (the version), XXH3 of all that follows, runs
/// run:   pack, offset of the first chunk, number of chunks (at least 1)
/// chunk: stored length * 2 + encoding, plain length, sum of the stored bytes (0: not known)
/// </code>
/// A row of version 1 begins with the number of a pack, which is never 0, and has no sums. A row without chunks has no bytes.
/// </summary>
internal static class LocationCodec
{
    private const byte Marker = 0;
    private const byte Version = 2;
    private const int HeaderBytes = 2 + sizeof(ulong);

    public static byte[] Encode(IReadOnlyList<ChunkLocation> chunks)
    {
        if (chunks.Count == 0)
        {
            return [];
        }

        var bytes = new List<byte>((chunks.Count * 14) + 32);
        bytes.AddRange([Marker, Version, 0, 0, 0, 0, 0, 0, 0, 0]);
        Span<byte> sum = stackalloc byte[sizeof(ulong)];
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
                BinaryPrimitives.WriteUInt64LittleEndian(sum, chunks[first].Sum.Value);
                bytes.AddRange(sum);
            }
        }

        byte[] row = [.. bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(2), XxHash3.HashToUInt64(row.AsSpan(HeaderBytes)));
        return row;
    }

    /// <exception cref="InvalidDataException">These are not the bytes of a location row, or not those that were written.</exception>
    public static ChunkLocation[] Decode(ReadOnlySpan<byte> bytes)
    {
        bool hasSums = !bytes.IsEmpty && bytes[0] == Marker;
        if (hasSums)
        {
            if (bytes.Length <= HeaderBytes || bytes[1] != Version
                || BinaryPrimitives.ReadUInt64LittleEndian(bytes[2..]) != XxHash3.HashToUInt64(bytes[HeaderBytes..]))
            {
                throw Broken();
            }

            bytes = bytes[HeaderBytes..];
        }

        var chunks = new List<ChunkLocation>(bytes.Length / (hasSums ? 13 : 5));
        while (!bytes.IsEmpty)
        {
            var pack = new PackId((int)Read(ref bytes));
            uint offset = Read(ref bytes);
            for (uint left = Read(ref bytes); left > 0; left--)
            {
                uint stored = Read(ref bytes);
                uint plain = Read(ref bytes);
                var sum = hasSums ? ReadSum(ref bytes) : default;
                chunks.Add(new ChunkLocation(pack, (int)offset, (int)(stored >> 1), (int)plain, (ChunkEncoding)(stored & 1), sum));
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

        throw Broken();
    }

    private static StoredSum ReadSum(ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < sizeof(ulong))
        {
            throw Broken();
        }

        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        bytes = bytes[sizeof(ulong)..];
        return new StoredSum(value);
    }

    private static InvalidDataException Broken() => new("The database holds a broken location row.");
}
