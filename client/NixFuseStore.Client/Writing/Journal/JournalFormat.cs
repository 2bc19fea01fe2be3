using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace NixFuseStore.Client.Writing;

/// <summary>The bytes of a journal; JOURNAL.md draws them.</summary>
internal static class JournalFormat
{
    /// <summary>Bytes of the longest payload.</summary>
    public const int PayloadBytesMax = 1 << 20;

    private const int Version = 1;
    private const int FixedHeaderBytes = 16;
    private const int RecordHeaderBytes = 12;
    private const int ChecksumBytes = 8;

    private static ReadOnlySpan<byte> Magic => "nixfusej"u8;

    public static byte[] EncodeHeader(string identity)
    {
        var text = Encoding.UTF8.GetBytes(identity);
        var header = new byte[FixedHeaderBytes + text.Length];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), text.Length);
        text.CopyTo(header, FixedHeaderBytes);
        return header;
    }

    public static byte[] EncodeRecord(ReadOnlySpan<byte> payload)
    {
        var record = new byte[RecordHeaderBytes + payload.Length];
        BinaryPrimitives.WriteInt32LittleEndian(record, payload.Length);
        Checksum(payload, record.AsSpan(4, ChecksumBytes));
        payload.CopyTo(record.AsSpan(RecordHeaderBytes));
        return record;
    }

    /// <summary>Reads the record at the beginning of the bytes; false where there is no whole and sound one.</summary>
    public static bool TryReadRecord(ReadOnlyMemory<byte> bytes, out ReadOnlyMemory<byte> payload, out int recordBytes)
    {
        payload = default;
        recordBytes = 0;
        if (bytes.Length < RecordHeaderBytes)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.Span);
        if (length is <= 0 or > PayloadBytesMax || bytes.Length - RecordHeaderBytes < length)
        {
            return false;
        }

        payload = bytes.Slice(RecordHeaderBytes, length);
        recordBytes = RecordHeaderBytes + length;
        Span<byte> checksum = stackalloc byte[ChecksumBytes];
        Checksum(payload.Span, checksum);
        return checksum.SequenceEqual(bytes.Span.Slice(4, ChecksumBytes));
    }

    private static void Checksum(ReadOnlySpan<byte> payload, Span<byte> destination)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(payload, digest);
        digest[..ChecksumBytes].CopyTo(destination);
    }
}
