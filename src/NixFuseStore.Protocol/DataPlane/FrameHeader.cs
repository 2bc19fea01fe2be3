using System.Buffers.Binary;

namespace NixFuseStore.Protocol.DataPlane;

/// <summary>Stands before each chunk that the server sends; drawn in <c>FrameHeader.md</c>.</summary>
/// <param name="ManifestIndex">Which of the request's manifests the chunk belongs to.</param>
/// <param name="Ordinal">The chunk's place in that manifest's list.</param>
/// <param name="Status">Whether the chunk follows.</param>
/// <param name="Encoding">How it travels.</param>
/// <param name="StoredLength">Bytes that follow; 0 unless the status is <see cref="FrameStatus.Ok"/>.</param>
public readonly record struct FrameHeader(uint ManifestIndex, uint Ordinal, FrameStatus Status, ChunkEncoding Encoding, uint StoredLength)
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 16;

    /// <summary>No chunk is longer, however it is encoded; a longer one in a header means that the peer does not speak this protocol.</summary>
    public const int StoredBytesMax = 1 << 20;

    /// <summary>Reads a header.</summary>
    /// <returns>False where there are fewer than <see cref="Size"/> bytes, or where they cannot be a header.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out FrameHeader header)
    {
        header = default;
        if (source.Length < Size)
        {
            return false;
        }

        var status = source[8];
        var encoding = source[9];
        var reserved = BinaryPrimitives.ReadUInt16LittleEndian(source[10..]);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(source[12..]);
        if (status > (byte)FrameStatus.Unreadable || encoding > (byte)ChunkEncoding.Zstd || reserved != 0
            || length > StoredBytesMax || (status != 0 && length != 0))
        {
            return false;
        }

        header = new FrameHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(source),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]),
            (FrameStatus)status,
            (ChunkEncoding)encoding,
            length);
        return true;
    }

    /// <summary>Writes <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, ManifestIndex);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Ordinal);
        destination[8] = (byte)Status;
        destination[9] = (byte)Encoding;
        BinaryPrimitives.WriteUInt16LittleEndian(destination[10..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], StoredLength);
    }
}
