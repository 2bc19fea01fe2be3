using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NixFuseStore.Content.Tests;

/// <summary>What parameter id 1 means must never change: every manifest in every store depends on it.</summary>
public sealed class ContentCutterTests
{
    [Fact]
    public void GearTable_IsFrozen()
    {
        var bytes = new byte[256 * 8];
        for (var index = 0; index < 256; index++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(index * 8), GearTable.Words[index]);
        }

        Assert.Equal("c79b9a7302c921e878ec0f4647be6633f8f644f559664f7af2e4dc2af7d556b1", Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    [Fact]
    public void Parameters_AreFrozen()
    {
        var parameters = ChunkingParameters.Current;
        Assert.Equal(1u, parameters.Id);
        Assert.Equal((8 << 10, 32 << 10, 128 << 10, 32 << 10), (parameters.BytesMin, parameters.BytesAverage, parameters.BytesMax, parameters.LargeFileBytes));
    }

    [Fact]
    public void CutPointsOfFixedInput_AreFrozen()
    {
        Assert.Equal(CutPoints, Cut(Noise(1 << 20)));
    }

    [Fact]
    public void CutPoints_FollowTheContent()
    {
        // The same megabyte behind a few other bytes: the cuts meet again, and stay together.
        var noise = Noise(1 << 20);
        var plain = Cut(noise);
        var shifted = Cut([1, 2, 3, .. noise]).Select(cut => cut - 3).ToArray();
        Assert.True(plain.Intersect(shifted).Count() > plain.Length / 2);
        var meeting = plain.First(shifted.Contains);
        Assert.Equal(plain.Where(cut => cut >= meeting), shifted.Where(cut => cut >= meeting));
    }

    [Fact]
    public void ChunkLengths_KeepTheirBoundsAndAverage()
    {
        var parameters = ChunkingParameters.Current;
        var cuts = Cut(Noise(64 << 20));
        var lengths = cuts.Zip(cuts.Skip(1), (from, to) => to - from).SkipLast(1).ToArray();
        Assert.All(lengths, length => Assert.InRange(length, parameters.BytesMin, parameters.BytesMax));
        Assert.InRange(lengths.Average(), parameters.BytesAverage * 0.9, parameters.BytesAverage * 1.5);
    }

    [Fact]
    public void MonotonousContent_IsCutAtTheLongestLength()
    {
        var cuts = Cut(new byte[1 << 20]);
        Assert.All(cuts.Zip(cuts.Skip(1)), pair => Assert.Equal(ChunkingParameters.Current.BytesMax, pair.Second - pair.First));
    }

    private static readonly int[] CutPoints =
    [
        33834, 67029, 105523, 139783, 178389, 193095, 254174, 293408, 339251, 376295, 401560, 439923, 473708, 512473, 540015, 573158,
        606070, 644559, 674026, 691792, 732091, 766720, 803022, 838991, 874648, 930522, 964094, 998969, 1007653, 1042487, 1048576,
    ];

    private static byte[] Noise(int length)
    {
        // AES in counter mode: the same bytes on every machine and version.
        using var aes = Aes.Create();
        aes.Key = new byte[32];
        var counters = new byte[length];
        var blocks = MemoryMarshal.Cast<byte, UInt128>(counters);
        for (var block = 0; block < blocks.Length; block++)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(counters.AsSpan(block * 16), (UInt128)block);
        }

        return aes.EncryptEcb(counters, PaddingMode.None);
    }

    private static int[] Cut(ReadOnlySpan<byte> content)
    {
        var cutter = new ContentCutter(ChunkingParameters.Current);
        var cuts = new List<int>();
        for (var at = 0; at < content.Length;)
        {
            at += cutter.FirstChunkLength(content[at..]);
            cuts.Add(at);
        }

        return [.. cuts];
    }
}
