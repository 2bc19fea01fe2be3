using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace NixFuseStore.Client.Adding;

/// <summary>What a record of the journal holds.</summary>
internal enum JournalRecordKind
{
    /// <summary>A path that was acknowledged and is to be registered.</summary>
    Path = 1,

    /// <summary>A path that cannot be registered, with the reason.</summary>
    SetAside = 2,
}

/// <summary>A sound record of a segment.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Reason">Why it was set aside; empty for others.</param>
/// <param name="Path">A NewPath message, whole.</param>
internal readonly record struct JournalRecord(JournalRecordKind Kind, string Reason, ReadOnlyMemory<byte> Path);

/// <summary>Bytes of a segment that are no sound record.</summary>
/// <param name="Offset">Where they begin in the file.</param>
/// <param name="Length">How many.</param>
internal readonly record struct JournalDamage(int Offset, int Length);

/// <summary>What a segment holds.</summary>
/// <param name="Version">The version that its header states; another than <see cref="JournalFormat.Version"/> is not read.</param>
/// <param name="Records">The sound records, in order.</param>
/// <param name="Damages">What is damaged: it was acknowledged, and cannot be read.</param>
/// <param name="UnfinishedBytes">Bytes at the end that were being written when the process or the machine ended: never acknowledged.</param>
internal sealed record JournalContent(
    int Version, IReadOnlyList<JournalRecord> Records, IReadOnlyList<JournalDamage> Damages, int UnfinishedBytes);

/// <summary>The bytes of a journal; JOURNAL.md draws them.</summary>
internal static class JournalFormat
{
    /// <summary>The only version that is read and written.</summary>
    public const int Version = 2;

    /// <summary>Bytes of the longest payload.</summary>
    public const int PayloadBytesMax = 1 << 20;

    /// <summary>Bytes of a segment's salt.</summary>
    public const int SaltBytes = 8;

    private const int FixedHeaderBytes = 16;
    private const int RecordHeaderBytes = 32;
    private const int RecordHeaderSumOffset = 24;
    private const int ChecksumBytes = 8;
    private const int ReasonLengthBytes = 4;

    private static ReadOnlySpan<byte> Magic => "nixfusej"u8;

    // Found again behind damage. That a file's content holds the same bytes does no harm: no sum fits without the salt.
    private static ReadOnlySpan<byte> Marker => [0x9e, (byte)'r', (byte)'e', (byte)'c', 0xc3, 0x28, 0x0d, 0x0a];

    public static byte[] EncodeHeader(string identity, ReadOnlySpan<byte> salt)
    {
        var text = Encoding.UTF8.GetBytes(identity);
        var header = new byte[FixedHeaderBytes + text.Length + ChecksumBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), text.Length);
        text.CopyTo(header, FixedHeaderBytes);
        Checksum(salt, header.AsSpan(0, header.Length - ChecksumBytes), header.AsSpan(header.Length - ChecksumBytes));
        return header;
    }

    public static byte[] EncodePath(ReadOnlySpan<byte> path, ReadOnlySpan<byte> salt) => Encode(JournalRecordKind.Path, path, salt);

    public static byte[] EncodeSetAside(string reason, ReadOnlySpan<byte> path, ReadOnlySpan<byte> salt)
    {
        var text = Encoding.UTF8.GetBytes(reason);
        var payload = new byte[ReasonLengthBytes + text.Length + path.Length];
        BinaryPrimitives.WriteInt32LittleEndian(payload, text.Length);
        text.CopyTo(payload, ReasonLengthBytes);
        path.CopyTo(payload.AsSpan(ReasonLengthBytes + text.Length));
        return Encode(JournalRecordKind.SetAside, payload, salt);
    }

    /// <summary>Reads a segment. Behind damage it goes on with the next sound record.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="identity">What the paths belong to.</param>
    /// <param name="salt">The segment's.</param>
    public static JournalContent Read(ReadOnlyMemory<byte> bytes, string identity, ReadOnlySpan<byte> salt)
    {
        var header = EncodeHeader(identity, salt);
        var records = new List<JournalRecord>();
        var damages = new List<JournalDamage>();
        if (bytes.Length < header.Length)
        {
            // Nothing is acknowledged before the header is on disk.
            return new JournalContent(Version, records, damages, bytes.Length);
        }

        if (!bytes.Span.StartsWith(header))
        {
            if (OtherVersion(bytes.Span, salt) is { } version)
            {
                return new JournalContent(version, records, damages, 0);
            }

            damages.Add(new JournalDamage(0, header.Length));
        }

        var at = header.Length;
        while (at < bytes.Length)
        {
            var found = TryRead(bytes[at..], salt, out var record, out var length);
            if (found)
            {
                records.Add(record);
                at += length;
                continue;
            }

            // Where the header is sound its length is believed; else the next sound record is looked for.
            var end = length > 0 && at + length <= bytes.Length ? at + length : FindNext(bytes, at + 1, salt);
            if (end == bytes.Length && IsUnfinished(bytes.Span[at..], length))
            {
                return new JournalContent(Version, records, damages, bytes.Length - at);
            }

            damages.Add(new JournalDamage(at, end - at));
            at = end;
        }

        return new JournalContent(Version, records, damages, 0);
    }

    private static byte[] Encode(JournalRecordKind kind, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> salt)
    {
        var record = new byte[RecordHeaderBytes + payload.Length];
        Marker.CopyTo(record);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(8), payload.Length);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), (int)kind);
        Checksum(salt, payload, record.AsSpan(16, ChecksumBytes));
        Checksum(salt, record.AsSpan(0, RecordHeaderSumOffset), record.AsSpan(RecordHeaderSumOffset, ChecksumBytes));
        payload.CopyTo(record.AsSpan(RecordHeaderBytes));
        return record;
    }

    // Where this is false, length is that of the record if its header is sound, else 0.
    private static bool TryRead(ReadOnlyMemory<byte> bytes, ReadOnlySpan<byte> salt, out JournalRecord record, out int length)
    {
        record = default;
        length = 0;
        var span = bytes.Span;
        if (span.Length < RecordHeaderBytes || !span.StartsWith(Marker)
            || !IsChecksum(salt, span[..RecordHeaderSumOffset], span.Slice(RecordHeaderSumOffset, ChecksumBytes)))
        {
            return false;
        }

        var payloadLength = BinaryPrimitives.ReadInt32LittleEndian(span[8..]);
        var kind = (JournalRecordKind)BinaryPrimitives.ReadInt32LittleEndian(span[12..]);
        length = RecordHeaderBytes + payloadLength;
        if (span.Length < length || !IsChecksum(salt, span[RecordHeaderBytes..length], span.Slice(16, ChecksumBytes)))
        {
            return false;
        }

        var payload = bytes.Slice(RecordHeaderBytes, payloadLength);
        if (kind == JournalRecordKind.SetAside)
        {
            var reasonLength = BinaryPrimitives.ReadInt32LittleEndian(payload.Span);
            var reason = Encoding.UTF8.GetString(payload.Span.Slice(ReasonLengthBytes, reasonLength));
            record = new JournalRecord(kind, reason, payload[(ReasonLengthBytes + reasonLength)..]);
            return true;
        }

        record = new JournalRecord(kind, "", payload);
        return kind == JournalRecordKind.Path;
    }

    private static int FindNext(ReadOnlyMemory<byte> bytes, int from, ReadOnlySpan<byte> salt)
    {
        for (var at = from; at < bytes.Length; at++)
        {
            var offset = bytes.Span[at..].IndexOf(Marker);
            if (offset < 0)
            {
                break;
            }

            at += offset;
            if (TryRead(bytes[at..], salt, out _, out var length) || length > 0)
            {
                return at;
            }
        }

        return bytes.Length;
    }

    // What stands at the end of the file: cut short, or room that the file system gave before the bytes came.
    private static bool IsUnfinished(ReadOnlySpan<byte> rest, int length) => length > 0
        ? length > rest.Length
        : !rest.ContainsAnyExcept((byte)0) || (rest.Length < RecordHeaderBytes && rest[..Math.Min(rest.Length, Marker.Length)].SequenceEqual(Marker[..Math.Min(rest.Length, Marker.Length)]));

    private static int? OtherVersion(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> salt)
    {
        var textLength = BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]);
        var end = FixedHeaderBytes + textLength;
        return bytes.StartsWith(Magic) && textLength >= 0 && end >= FixedHeaderBytes && bytes.Length - ChecksumBytes >= end
            && IsChecksum(salt, bytes[..end], bytes.Slice(end, ChecksumBytes))
            && BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) is var version && version != Version
                ? version
                : null;
    }

    private static bool IsChecksum(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> checksum)
    {
        Span<byte> computed = stackalloc byte[ChecksumBytes];
        Checksum(salt, bytes, computed);
        return computed.SequenceEqual(checksum);
    }

    private static void Checksum(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> bytes, Span<byte> destination)
    {
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(salt, bytes, digest);
        digest[..ChecksumBytes].CopyTo(destination);
    }
}
