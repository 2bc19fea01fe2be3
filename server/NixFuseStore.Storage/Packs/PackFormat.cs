using System.Buffers.Binary;
using System.Security.Cryptography;
using NixFuseStore.Content;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Packs;

/// <summary>The bytes of a pack, which PACKS.md draws: a header, chunks, and a footer that describes them. Numbers are little-endian.</summary>
internal static class PackFormat
{
    /// <summary>Bytes before the first chunk.</summary>
    public const int HeaderBytes = 16;

    public const int EntryBytes = 52;
    public const int TrailerBytes = 56;

    /// <summary>A chunk has fewer plain bytes than this: an entry keeps 24 bits for them.</summary>
    public const int PlainLengthLimit = 1 << 24;

    private const int Version = 2;

    /// <summary>Version 1 had no sums in its entries.</summary>
    private const int VersionWithoutSums = 1;

    private const int EntryBytesWithoutSums = 44;
    private const int SumOffset = 44;
    private const int ChecksumOffset = 16;
    private const int MagicOffset = 48;

    public static ReadOnlySpan<byte> Header => "nixfuse pack 2\n\0"u8;

    private static ReadOnlySpan<byte> HeaderWithoutSums => "nixfuse pack 1\n\0"u8;

    private static ReadOnlySpan<byte> TrailerMagic => "packend\n"u8;

    /// <summary>The footer for chunks that end at <paramref name="payloadEnd"/>, sorted by offset.</summary>
    public static byte[] CreateFooter(IReadOnlyList<IndexedChunk> chunks, long payloadEnd)
    {
        var footer = new byte[(chunks.Count * EntryBytes) + TrailerBytes];
        int position = 0;
        foreach (var chunk in chunks.OrderBy(chunk => chunk.Location.Offset))
        {
            var entry = footer.AsSpan(position, EntryBytes);
            chunk.Id.CopyTo(entry);
            BinaryPrimitives.WriteInt32LittleEndian(entry[32..], chunk.Location.Offset);
            BinaryPrimitives.WriteInt32LittleEndian(entry[36..], chunk.Location.StoredLength);
            BinaryPrimitives.WriteUInt32LittleEndian(
                entry[40..], (uint)chunk.Location.PlainLength | ((uint)chunk.Location.Encoding << 24));
            BinaryPrimitives.WriteUInt64LittleEndian(entry[SumOffset..], chunk.Location.Sum.Value);
            position += EntryBytes;
        }

        var trailer = footer.AsSpan(position);
        BinaryPrimitives.WriteInt64LittleEndian(trailer, payloadEnd);
        BinaryPrimitives.WriteInt32LittleEndian(trailer[8..], chunks.Count);
        BinaryPrimitives.WriteInt32LittleEndian(trailer[12..], Version);
        SHA256.HashData(footer.AsSpan(0, position + ChecksumOffset), trailer[ChecksumOffset..]);
        TrailerMagic.CopyTo(trailer[MagicOffset..]);
        return footer;
    }

    /// <summary>Reads the chunks that a sealed pack says it holds; their bytes are not looked at.</summary>
    /// <exception cref="InvalidDataException">It has no footer, a broken one, or one that does not fit it.</exception>
    public static async Task<IReadOnlyList<IndexedChunk>> ReadFooterAsync(
        IBlobStore blobs, string name, PackId pack, CancellationToken cancellationToken)
    {
        // 1. The trailer tells how long the footer is.
        long length = await blobs.GetLengthAsync(name, cancellationToken).ConfigureAwait(false)
            ?? throw new InvalidDataException($"Pack {name} is not there.");
        if (length < HeaderBytes + TrailerBytes)
        {
            throw Broken(name, "it is too short");
        }

        var trailer = new byte[TrailerBytes];
        await blobs.ReadAsync(name, length - TrailerBytes, trailer, cancellationToken).ConfigureAwait(false);
        var (count, entryBytes) = ReadTrailer(trailer, length, name);

        // 2. The whole footer, checksummed.
        var footer = new byte[((long)count * entryBytes) + TrailerBytes];
        await blobs.ReadAsync(name, length - footer.Length, footer, cancellationToken).ConfigureAwait(false);
        return ReadEntries(footer, count, entryBytes, length - footer.Length, pack, name);
    }

    /// <summary>Whether these are the first bytes of a pack, of either version.</summary>
    public static bool IsHeader(ReadOnlySpan<byte> bytes) => bytes.SequenceEqual(Header) || bytes.SequenceEqual(HeaderWithoutSums);

    private static (int Count, int EntryBytes) ReadTrailer(ReadOnlySpan<byte> trailer, long length, string name)
    {
        if (!trailer[MagicOffset..].SequenceEqual(TrailerMagic))
        {
            throw Broken(name, "it has no footer");
        }

        long payloadEnd = BinaryPrimitives.ReadInt64LittleEndian(trailer);
        int count = BinaryPrimitives.ReadInt32LittleEndian(trailer[8..]);
        int version = BinaryPrimitives.ReadInt32LittleEndian(trailer[12..]);
        int entryBytes = version == VersionWithoutSums ? EntryBytesWithoutSums : EntryBytes;
        bool fits = count >= 0 && payloadEnd >= HeaderBytes && payloadEnd <= length
            && payloadEnd == length - TrailerBytes - ((long)count * entryBytes);
        return version is not (Version or VersionWithoutSums) ? throw Broken(name, $"its version {version} is not known")
            : !fits ? throw Broken(name, "its footer does not fit its length")
            : (count, entryBytes);
    }

    private static IndexedChunk[] ReadEntries(
        ReadOnlySpan<byte> footer, int count, int entryBytes, long payloadEnd, PackId pack, string name)
    {
        int end = count * entryBytes;
        Span<byte> checksum = stackalloc byte[32];
        SHA256.HashData(footer[..(end + ChecksumOffset)], checksum);
        if (!checksum.SequenceEqual(footer.Slice(end + ChecksumOffset, 32)))
        {
            throw Broken(name, "its footer's checksum is wrong");
        }

        var chunks = new IndexedChunk[count];
        long before = HeaderBytes;
        for (int i = 0; i < count; i++)
        {
            var entry = footer.Slice(i * entryBytes, entryBytes);
            int offset = BinaryPrimitives.ReadInt32LittleEndian(entry[32..]);
            int stored = BinaryPrimitives.ReadInt32LittleEndian(entry[36..]);
            uint plain = BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]);
            if (offset < before || stored < 0 || (long)offset + stored > payloadEnd || plain >> 24 > (uint)ChunkEncoding.Zstd)
            {
                throw Broken(name, $"entry {i} of its footer is impossible");
            }

            before = (long)offset + stored;
            chunks[i] = new IndexedChunk(
                ChunkId.Read(entry),
                new ChunkLocation(
                    pack,
                    offset,
                    stored,
                    (int)(plain & 0xff_ffff),
                    (ChunkEncoding)(plain >> 24),
                    entryBytes == EntryBytes ? new StoredSum(BinaryPrimitives.ReadUInt64LittleEndian(entry[SumOffset..])) : default));
        }

        return chunks;
    }

    private static InvalidDataException Broken(string name, string why) => new($"Pack {name} cannot be read: {why}.");
}
