using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Native.Compression;

namespace NixFuseStore.Native.Tests.Compression;

public sealed class ZstdTests
{
    private static readonly byte[] Text = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 2000).Select(i => $"line {i} of some text\n")));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65536)]
    [InlineData(300_000)]
    public void Compress_AnyLength_DecompressesToTheSame(int length)
    {
        byte[] plain = RandomNumberGenerator.GetBytes(length);
        byte[] frame = Zstd.Compress(plain, 3);
        var output = new byte[length];

        Assert.True(Zstd.TryDecompress(frame, output, out int written));
        Assert.Equal(length, written);
        Assert.Equal(plain, output);
    }

    [Fact]
    public void Compress_Text_MakesItSmaller() => Assert.InRange(Zstd.Compress(Text, 3).Length, 1, Text.Length / 4);

    [Fact]
    public void Compress_DestinationTooSmall_Throws() =>
        Assert.Throws<ArgumentException>(() => Zstd.Compress(RandomNumberGenerator.GetBytes(1000), new byte[100], 3));

    [Fact]
    public void TryDecompress_TruncatedAnywhere_IsFalse()
    {
        byte[] frame = Zstd.Compress(Text.AsSpan(0, 3000), 3);
        var output = new byte[3000];
        for (int length = 0; length < frame.Length; length++)
        {
            Assert.False(Zstd.TryDecompress(frame.AsSpan(0, length), output, out _), $"Truncated to {length} bytes.");
        }

        Assert.True(Zstd.TryDecompress(frame, output, out _));
    }

    [Fact]
    public void TryDecompress_AnyByteChanged_NeitherThrowsNorWritesBeyond()
    {
        byte[] frame = Zstd.Compress(Text.AsSpan(0, 3000), 3);
        var output = new byte[3000 + 64];
        for (int position = 0; position < frame.Length; position++)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                frame[position] ^= (byte)(1 << bit);
                Zstd.TryDecompress(frame, output.AsSpan(0, 3000), out int written);
                Assert.InRange(written, 0, 3000);
                frame[position] ^= (byte)(1 << bit);
            }
        }

        Assert.Equal(new byte[64], output[3000..]);
    }

    [Theory]
    [InlineData(2999)]
    [InlineData(3001)]
    [InlineData(0)]
    public void TryDecompress_DestinationOfOtherLength_IsFalse(int length) =>
        Assert.False(Zstd.TryDecompress(Zstd.Compress(Text.AsSpan(0, 3000), 3), new byte[length], out _));

    [Fact]
    public void TryDecompress_TwoFrames_IsFalse()
    {
        byte[] frame = Zstd.Compress(Text.AsSpan(0, 1000), 3);
        Assert.False(Zstd.TryDecompress((byte[])[.. frame, .. frame], new byte[2000], out _));
    }

    [Fact]
    public void TryDecompress_SkippableFrameInFront_IsFalse()
    {
        byte[] skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        Assert.False(Zstd.TryDecompress((byte[])[.. skippable, .. Zstd.Compress(Text.AsSpan(0, 10), 3)], new byte[10], out _));
    }

    [Fact]
    public void TryDecompress_OneByteBehindTheFrame_IsFalse() =>
        Assert.False(Zstd.TryDecompress((byte[])[.. Zstd.Compress(Text, 3), 0], new byte[Text.Length], out _));

    [Fact]
    public void Contexts_ManyThreads_DoNotDisturbEachOther() => Parallel.For(0, 200, i =>
    {
        byte[] plain = Text[..(i * 100)];
        var output = new byte[plain.Length];
        Assert.True(Zstd.TryDecompress(Zstd.Compress(plain, 1 + (i % 9)), output, out _));
        Assert.Equal(plain, output);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(131_072)]
    public void StoredFrame_OfAnyLength_IsOneFrameOfThoseBytes(int length)
    {
        var plain = new byte[length];
        new Random(length).NextBytes(plain);
        byte[] frame = [.. ZstdStoredFrame.CreateHeader(length), .. plain];

        var again = new byte[length];
        Assert.True(Zstd.TryDecompress(frame, again, out _));
        Assert.Equal(plain, again);
    }
}
