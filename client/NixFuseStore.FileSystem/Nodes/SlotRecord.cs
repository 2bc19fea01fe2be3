using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// One line of the slot file. Little-endian:
/// <code>
/// file:    "nixfuse slots 1\n"  record*
/// record:  u32 CRC-32C of the rest   u32 slot   16 store   32 manifest digest   u8 length   base name
/// </code>
/// </summary>
internal static class SlotRecord
{
    public const int BytesMin = FixedBytes + 1;
    public const int BytesMax = FixedBytes + StorePath.BaseNameLengthMax;

    private const int SlotOffset = 4;
    private const int StoreOffset = 8;
    private const int DigestOffset = 24;
    private const int LengthOffset = 56;
    private const int FixedBytes = 57;

    public static ReadOnlySpan<byte> FileHead => "nixfuse slots 1\n"u8;

    /// <summary>Writes a record; returns its length.</summary>
    public static int Write(Span<byte> destination, uint slot, in SlotKey key)
    {
        var length = FixedBytes + key.BaseName.Length;
        var record = destination[..length];
        BinaryPrimitives.WriteUInt32LittleEndian(record[SlotOffset..], slot);
        key.Store.TryWriteBytes(record[StoreOffset..]);
        key.Digest.CopyTo(record[DigestOffset..]);
        record[LengthOffset] = (byte)key.BaseName.Length;
        Encoding.ASCII.GetBytes(key.BaseName, record[FixedBytes..]);
        BinaryPrimitives.WriteUInt32LittleEndian(record, Checksum(record[SlotOffset..]));
        return length;
    }

    /// <summary>Reads the record at the start of <paramref name="source"/>; false where it is cut short or not what was written.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out uint slot, out SlotKey key, out int length)
    {
        slot = 0;
        key = default;
        length = 0;
        if (source.Length < FixedBytes || source.Length < FixedBytes + source[LengthOffset])
        {
            return false;
        }

        var record = source[..(FixedBytes + source[LengthOffset])];
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != Checksum(record[SlotOffset..])
            || !StorePath.TryParseBaseName(record[FixedBytes..], out var path))
        {
            return false;
        }

        slot = BinaryPrimitives.ReadUInt32LittleEndian(record[SlotOffset..]);
        key = new SlotKey(new Guid(record.Slice(StoreOffset, 16)), path.BaseName, ManifestDigest.Read(record[DigestOffset..]));
        length = record.Length;
        return slot != 0;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return ~crc;
    }
}
