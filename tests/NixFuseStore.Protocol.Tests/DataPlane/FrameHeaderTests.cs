using NixFuseStore.Protocol.DataPlane;
using Xunit;

namespace NixFuseStore.Protocol.Tests.DataPlane;

public sealed class FrameHeaderTests
{
    private static readonly byte[] Vector =
    [
        0x04, 0x03, 0x02, 0x01, // manifest index
        0x08, 0x07, 0x06, 0x05, // ordinal
        0x00,                   // status: the chunk follows
        0x01,                   // encoding: zstd
        0x00, 0x00,             // reserved
        0x10, 0x20, 0x00, 0x00, // stored length
    ];

    [Fact]
    public void Write_Header_IsDrawnBytes()
    {
        var bytes = new byte[FrameHeader.Size];
        Array.Fill(bytes, (byte)0xee);
        new FrameHeader(0x01020304, 0x05060708, FrameStatus.Ok, ChunkEncoding.Zstd, 0x2010).Write(bytes);
        Assert.Equal(Vector, bytes);
        Assert.True(FrameHeader.TryRead(bytes, out var header));
        Assert.Equal(new FrameHeader(0x01020304, 0x05060708, FrameStatus.Ok, ChunkEncoding.Zstd, 0x2010), header);
    }

    [Fact]
    public void TryRead_EveryTruncation_IsRefused()
    {
        for (var length = 0; length < Vector.Length; length++)
        {
            Assert.False(FrameHeader.TryRead(Vector.AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData(8, 4)] // no such status
    [InlineData(9, 2)] // no such encoding
    [InlineData(10, 1)] // reserved
    [InlineData(11, 1)] // reserved
    [InlineData(14, 0x11)] // longer than any chunk
    [InlineData(15, 0xff)] // much longer
    [InlineData(8, 1)] // bytes behind a chunk that is not there
    public void TryRead_ImpossibleField_IsRefused(int offset, byte value)
    {
        var bytes = (byte[])Vector.Clone();
        bytes[offset] = value;
        Assert.False(FrameHeader.TryRead(bytes, out _));
    }

    [Fact]
    public void TryRead_RandomBytes_OnlyWhatWouldBeWritten()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var bytes = new byte[FrameHeader.Size];
        var again = new byte[FrameHeader.Size];
        for (var i = 0; i < 100_000; i++)
        {
            random.NextBytes(bytes);
            (bytes[8], bytes[9], bytes[10], bytes[11]) = ((byte)random.Next(5), (byte)random.Next(3), (byte)random.Next(2), 0);
            (bytes[14], bytes[15]) = ((byte)random.Next(20), 0);
            if (FrameHeader.TryRead(bytes, out var header))
            {
                header.Write(again);
                Assert.Equal(bytes, again);
            }
        }
    }
}
