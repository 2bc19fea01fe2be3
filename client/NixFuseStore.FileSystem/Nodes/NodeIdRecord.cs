using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// A record of a <see cref="NodeIdFile"/>. Little-endian:
/// <code>
/// record:  u32 CRC-32C of the rest   u32 slot   u32 first inode   u32 inodes   16 store   32 digest   u8 kind   u8 length   base name
/// kind:    1 path   2 build log   0 numbers: slots and inodes below these were given before, by records that are no longer here (the rest is zero)
/// </code>
/// </summary>
internal static class NodeIdRecord
{
    public const int BytesMin = FixedBytes;
    public const int BytesMax = FixedBytes + StorePath.BaseNameLengthMax;

    private const int SlotOffset = 4;
    private const int InodeOffset = 8;
    private const int InodesOffset = 12;
    private const int StoreOffset = 16;
    private const int DigestOffset = 32;
    private const int KindOffset = 64;
    private const int LengthOffset = 65;
    private const int FixedBytes = 66;

    /// <summary>Writes the record of a slot; returns its length.</summary>
    public static int Write(Span<byte> destination, in Slot slot, uint inodes, in NodeIdKey key)
    {
        var record = destination[..(FixedBytes + key.BaseName.Length)];
        key.Store.TryWriteBytes(record[StoreOffset..]);
        key.Digest.CopyTo(record[DigestOffset..]);
        record[KindOffset] = (byte)key.Kind;
        record[LengthOffset] = (byte)key.BaseName.Length;
        Encoding.ASCII.GetBytes(key.BaseName, record[FixedBytes..]);
        return Seal(record, slot, inodes);
    }

    /// <summary>Writes up to where numbers were given; returns the record's length.</summary>
    /// <param name="destination">At least <see cref="BytesMin"/>.</param>
    /// <param name="end">The first slot and the first inode number that were never given.</param>
    public static int WriteNumbers(Span<byte> destination, in Slot end)
    {
        var record = destination[..FixedBytes];
        record.Clear();
        return Seal(record, end, 0);
    }

    /// <summary>Reads the record at the start of <paramref name="source"/>; false where it is cut short or not what was written.</summary>
    /// <param name="source">The rest of the file.</param>
    /// <param name="slot">The slot, or the first number that was never given.</param>
    /// <param name="inodes">Inode numbers that the slot has.</param>
    /// <param name="key">What the slot stands for; of numbers only the kind is set.</param>
    /// <param name="length">Bytes of the record.</param>
    public static bool TryRead(ReadOnlySpan<byte> source, out Slot slot, out uint inodes, out NodeIdKey key, out int length)
    {
        slot = default;
        inodes = 0;
        key = default;
        length = 0;
        if (source.Length < FixedBytes || source.Length < FixedBytes + source[LengthOffset])
        {
            return false;
        }

        var record = source[..(FixedBytes + source[LengthOffset])];
        var kind = (SlotKind)record[KindOffset];
        if (BinaryPrimitives.ReadUInt32LittleEndian(record) != Checksum(record[SlotOffset..]) || kind > SlotKind.Log)
        {
            return false;
        }

        slot = new Slot(
            BinaryPrimitives.ReadUInt32LittleEndian(record[SlotOffset..]), BinaryPrimitives.ReadUInt32LittleEndian(record[InodeOffset..]));
        inodes = BinaryPrimitives.ReadUInt32LittleEndian(record[InodesOffset..]);
        length = record.Length;
        if (kind == SlotKind.Numbers)
        {
            return slot.Number != 0;
        }

        if (!StorePath.TryParseBaseName(record[FixedBytes..], out var path))
        {
            return false;
        }

        key = new NodeIdKey(new Guid(record.Slice(StoreOffset, 16)), path.BaseName, ManifestDigest.Read(record[DigestOffset..]), kind);
        return slot.Number != 0;
    }

    private static int Seal(Span<byte> record, in Slot slot, uint inodes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(record[SlotOffset..], slot.Number);
        BinaryPrimitives.WriteUInt32LittleEndian(record[InodeOffset..], slot.FirstInode);
        BinaryPrimitives.WriteUInt32LittleEndian(record[InodesOffset..], inodes);
        BinaryPrimitives.WriteUInt32LittleEndian(record, Checksum(record[SlotOffset..]));
        return record.Length;
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
