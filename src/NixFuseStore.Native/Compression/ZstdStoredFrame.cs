using System.Buffers.Binary;

namespace NixFuseStore.Native.Compression;

/// <summary>A zstd frame that holds its bytes as they are, for what does not compress: they need not even be touched.</summary>
/// <remarks>
/// <code>
///  magic 28 B5 2F FD | descriptor A0 (single segment, 4-byte content size) | content size | block
///  block:  3 bytes, little-endian: bit 0 last = 1, bits 1-2 type = 0 (raw), bits 3-23 length | bytes
/// </code>
/// </remarks>
public static class ZstdStoredFrame
{
    /// <summary>Bytes that stand before the content.</summary>
    public const int HeaderBytes = 12;

    /// <summary>No block is longer (RFC 8878, 3.1.1.2.4), and this is a frame of one.</summary>
    public const int ContentBytesMax = 128 << 10;

    /// <summary>The header of a frame; the content follows it as it is.</summary>
    public static byte[] CreateHeader(int contentBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(contentBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(contentBytes, ContentBytesMax);
        var header = new byte[HeaderBytes + 1];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xFD2FB528);
        header[4] = 0xA0;
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(5), contentBytes);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(9), (contentBytes << 3) | 1);
        return header[..HeaderBytes];
    }
}
