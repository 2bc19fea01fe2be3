using System.Buffers.Binary;
using System.Numerics;

namespace NixFuseStore.Client.Metadata;

/// <summary>
/// Stands before each entry of a metadata log; little-endian:
/// <code>
///  0   u32  CRC-32C of bytes 4 to 47
///  4   u8   kind (MetadataKind)
///  5   u8×3 zero
///  8   u32  payload length, bytes
/// 12   u32  CRC-32C of the payload
/// 16   u8×32 name: digest or hash part
/// 48   payload, then the next header
/// </code>
/// The header has its own checksum, so that opening a log reads headers only and still stops at the first torn one.
/// </summary>
internal readonly record struct MetadataEntryHeader(MetadataKey Key, int Length, uint PayloadChecksum)
{
    public const int Size = 48;

    /// <summary>No entry is longer: the tree of a path with a few million entries fits.</summary>
    public const int PayloadBytesMax = 256 << 20;

    public static MetadataEntryHeader Of(in MetadataKey key, ReadOnlySpan<byte> payload) => new(key, payload.Length, Checksum(payload));

    public static bool TryRead(ReadOnlySpan<byte> bytes, out MetadataEntryHeader header)
    {
        header = default;
        if (bytes.Length < Size || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Checksum(bytes[4..Size]))
        {
            return false;
        }

        var kind = (MetadataKind)bytes[4];
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (kind is MetadataKind.None or > MetadataKind.RemovedPath || length > PayloadBytesMax)
        {
            return false;
        }

        header = new MetadataEntryHeader(new MetadataKey(kind, Key256.Read(bytes[16..])), (int)length, BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]));
        return true;
    }

    public void Write(Span<byte> destination)
    {
        destination[..Size].Clear();
        destination[4] = (byte)Key.Kind;
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], (uint)Length);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], PayloadChecksum);
        Key.Name.CopyTo(destination[16..]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Checksum(destination[4..Size]));
    }

    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        foreach (var value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return ~crc;
    }
}
