using System.Buffers.Binary;
using System.Numerics;
using NixFuseStore.Cache.Devices;

namespace NixFuseStore.Cache.Log;

/// <summary>Sizes that a cache directory was made with; FASTER needs the same ones to read it again.</summary>
/// <param name="PageBytes">A page of the log; records do not cross pages.</param>
/// <param name="SegmentBytes">A file of the log, which is evicted as one.</param>
/// <param name="IndexBytes">The hash index, without overflow buckets.</param>
/// <param name="ChunkBytesMax">Most plain bytes of a chunk.</param>
internal readonly record struct CacheGeometry(long PageBytes, long SegmentBytes, long IndexBytes, int ChunkBytesMax)
{
    /// <summary>Bytes of the encoded form, four little-endian u64 behind the version.</summary>
    public const int EncodedBytes = 40;

    /// <summary>Raised with every change that makes directories of before unreadable.</summary>
    private const ulong Version = 1;

    private const long PageBytesLargest = 1L << 20;
    private const long SegmentBytesLargest = 256L << 20;

    /// <summary>Chunks are about 64 KiB on average; half of that leaves room for the many small ones of small paths.</summary>
    private const long ChunkBytesExpected = 32L << 10;

    /// <summary>A bucket of 64 bytes names seven records.</summary>
    private const long BucketRecords = 7;

    private const long BucketBytes = 64;

    /// <summary>Most chunks that a cache of this size holds, so that hostile tiny ones cannot fill the memory with their names.</summary>
    public static long EntriesMax(long sizeBytesMax) => sizeBytesMax / (16 << 10);

    /// <summary>What suits a cache of these options.</summary>
    public static CacheGeometry For(ChunkCacheOptions options)
    {
        var share = PowerOfTwoAtMost(options.SizeBytesMax / 16);

        // Several chunks to a page, or the end of every page would be wasted.
        var page = Math.Min(PageBytesLargest, Math.Max(share / 2, PowerOfTwoAtLeast(options.ChunkBytesMax * 2L)));
        page = Math.Max(page, 512 << 10);
        var segment = Math.Min(SegmentBytesLargest, Math.Max(share, page));
        var buckets = PowerOfTwoAtLeast(options.SizeBytesMax / ChunkBytesExpected / BucketRecords);
        return new CacheGeometry(page, segment, Math.Max(buckets * BucketBytes, BlockSums.BlockBytes), options.ChunkBytesMax);
    }

    /// <summary>Whether a directory made with <paramref name="other"/> still serves where this would be made today.</summary>
    public bool CanUse(CacheGeometry other) =>
        other.ChunkBytesMax >= ChunkBytesMax
        && other.SegmentBytes <= SegmentBytes * 2 && other.SegmentBytes >= SegmentBytes / 16
        && other.IndexBytes <= IndexBytes * 4 && other.IndexBytes >= IndexBytes / 16;

    /// <summary>Memory for the log's newest part: whole pages, at least four.</summary>
    public long MemoryBytes(ChunkCacheOptions options) =>
        Math.Max(4 * PageBytes, PowerOfTwoAtMost(Math.Min(options.MemoryBytes, options.SizeBytesMax / 4)));

    public byte[] ToBytes()
    {
        var bytes = new byte[EncodedBytes];
        ReadOnlySpan<ulong> values = [Version, (ulong)PageBytes, (ulong)SegmentBytes, (ulong)IndexBytes, (ulong)ChunkBytesMax];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), values[i]);
        }

        return bytes;
    }

    /// <exception cref="InvalidDataException">Another version made it, or it is no geometry.</exception>
    public static CacheGeometry FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != EncodedBytes || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Version)
        {
            throw new InvalidDataException("the cache was made by another version");
        }

        static long Value(ReadOnlySpan<byte> bytes, int i) => BinaryPrimitives.ReadInt64LittleEndian(bytes[(i * sizeof(long))..]);
        return new CacheGeometry(Value(bytes, 1), Value(bytes, 2), Value(bytes, 3), checked((int)Value(bytes, 4)));
    }

    private static long PowerOfTwoAtMost(long value) => 1L << BitOperations.Log2((ulong)Math.Max(value, 1));

    private static long PowerOfTwoAtLeast(long value) => (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(value, 1));
}
