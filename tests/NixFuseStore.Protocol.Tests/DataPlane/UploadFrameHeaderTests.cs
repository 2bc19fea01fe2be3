using NixFuseStore.Protocol.DataPlane;
using Xunit;

namespace NixFuseStore.Protocol.Tests.DataPlane;

public sealed class UploadFrameHeaderTests
{
    private static readonly byte[] Id = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    [Fact]
    public void Write_Header_IsDrawnBytes()
    {
        var bytes = new byte[UploadFrameHeader.Size];
        Array.Fill(bytes, (byte)0xee);
        new UploadFrameHeader(ChunkEncoding.Zstd, 0x10203, 0x102).Write(Id, bytes);
        byte[] expected = [.. Id, 1, 0, 0, 0, 0x03, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x00];
        Assert.Equal(expected, bytes);
        Assert.True(UploadFrameHeader.TryRead(bytes, out var header));
        Assert.Equal(new UploadFrameHeader(ChunkEncoding.Zstd, 0x10203, 0x102), header);
    }

    [Fact]
    public void TryRead_EveryTruncation_IsRefused()
    {
        var bytes = new byte[UploadFrameHeader.Size];
        new UploadFrameHeader(ChunkEncoding.Plain, 5, 5).Write(Id, bytes);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(UploadFrameHeader.TryRead(bytes.AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData(ChunkEncoding.Plain, 0, 0)] // no chunk is empty
    [InlineData(ChunkEncoding.Zstd, 1, 0)]
    [InlineData(ChunkEncoding.Plain, 5, 4)] // plain bytes are as many as they are
    [InlineData(ChunkEncoding.Zstd, 4, 5)] // what zstd makes longer travels plain
    [InlineData(ChunkEncoding.Zstd, UploadFrameHeader.PlainBytesMax + 1, 5)]
    [InlineData(ChunkEncoding.Plain, uint.MaxValue, uint.MaxValue)]
    [InlineData((ChunkEncoding)2, 5, 5)]
    public void TryRead_ImpossibleField_IsRefused(ChunkEncoding encoding, uint plain, uint stored)
    {
        var bytes = new byte[UploadFrameHeader.Size];
        new UploadFrameHeader(encoding, plain, stored).Write(Id, bytes);
        Assert.False(UploadFrameHeader.TryRead(bytes, out _));
    }

    [Theory]
    [InlineData(33)]
    [InlineData(34)]
    [InlineData(35)]
    public void TryRead_ReservedByte_IsRefused(int offset)
    {
        var bytes = new byte[UploadFrameHeader.Size];
        new UploadFrameHeader(ChunkEncoding.Plain, 5, 5).Write(Id, bytes);
        bytes[offset] = 1;
        Assert.False(UploadFrameHeader.TryRead(bytes, out _));
    }
}
