using System.Buffers;
using System.Buffers.Binary;

namespace NixFuseStore.Native.Compression;

/// <summary>Frames that hold their bytes as they are, for what does not compress: written without the library, at the speed of a copy.</summary>
/// <remarks>
/// <code>
///  magic 28 B5 2F FD | descriptor A0 (single segment, 4-byte content size) | content size | blocks
///  block:  3 bytes, little-endian: bit 0 last, bits 1-2 type (0 = raw), bits 3-23 length | bytes
/// </code>
/// </remarks>
public static class ZstdStoredFrame
{
    /// <summary>No block of a frame is longer (RFC 8878, 3.1.1.2.4).</summary>
    private const int BlockBytesMax = 128 << 10;

    private const int FrameHeaderBytes = 9;
    private const int BlockHeaderBytes = 3;

    /// <summary>Writes one frame.</summary>
    public static void Write(ReadOnlySpan<byte> plain, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var header = output.GetSpan(FrameHeaderBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xFD2FB528);
        header[4] = 0xA0;
        BinaryPrimitives.WriteInt32LittleEndian(header[5..], plain.Length);
        output.Advance(FrameHeaderBytes);
        do
        {
            var block = plain[..Math.Min(plain.Length, BlockBytesMax)];
            plain = plain[block.Length..];
            int word = (block.Length << 3) | (plain.IsEmpty ? 1 : 0);
            var blockHeader = output.GetSpan(BlockHeaderBytes);
            blockHeader[0] = (byte)word;
            blockHeader[1] = (byte)(word >> 8);
            blockHeader[2] = (byte)(word >> 16);
            output.Advance(BlockHeaderBytes);
            output.Write(block);
        }
        while (!plain.IsEmpty);
    }
}
