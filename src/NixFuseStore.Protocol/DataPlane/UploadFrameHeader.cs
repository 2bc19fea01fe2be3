using System.Buffers.Binary;

namespace NixFuseStore.Protocol.DataPlane;

/// <summary>Stands before each chunk that a client sends, behind the chunk's id; drawn in <c>FrameHeader.md</c>.</summary>
/// <param name="Encoding">How the chunk travels.</param>
/// <param name="PlainLength">Bytes of the chunk itself.</param>
/// <param name="StoredLength">Bytes that follow.</param>
public readonly record struct UploadFrameHeader(ChunkEncoding Encoding, uint PlainLength, uint StoredLength)
{
    /// <summary>Bytes of the chunk's id, its SHA-256.</summary>
    public const int IdBytes = 32;

    /// <summary>Bytes of a header, the id included.</summary>
    public const int Size = IdBytes + 12;

    /// <summary>No chunk is longer.</summary>
    public const int PlainBytesMax = 1 << 20;

    /// <summary>Reads a header; its id is the first <see cref="IdBytes"/> bytes of <paramref name="source"/>.</summary>
    /// <returns>False where there are fewer than <see cref="Size"/> bytes, or where they cannot be a header.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out UploadFrameHeader header)
    {
        header = default;
        if (source.Length < Size)
        {
            return false;
        }

        var encoding = source[32];
        var plain = BinaryPrimitives.ReadUInt32LittleEndian(source[36..]);
        var stored = BinaryPrimitives.ReadUInt32LittleEndian(source[40..]);
        var reserved = source[33] | source[34] | source[35];

        // What is compressed has to be shorter for it; this bounds the buffer that either side needs.
        if (encoding > (byte)ChunkEncoding.Zstd || reserved != 0 || plain is 0 or > PlainBytesMax || stored == 0
            || stored > plain || (encoding == (byte)ChunkEncoding.Plain && stored != plain))
        {
            return false;
        }

        header = new UploadFrameHeader((ChunkEncoding)encoding, plain, stored);
        return true;
    }

    /// <summary>Writes <see cref="Size"/> bytes.</summary>
    public void Write(ReadOnlySpan<byte> id, Span<byte> destination)
    {
        id[..IdBytes].CopyTo(destination);
        destination[32] = (byte)Encoding;
        destination.Slice(33, 3).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(destination[36..], PlainLength);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[40..], StoredLength);
    }
}
