using System.Numerics;
using NixFuseStore.Cache.Checkpoints;

namespace NixFuseStore.Cache.Log;

/// <summary>Sizes that a cache directory was made with; its log can only be read with the same ones.</summary>
/// <param name="PageBytes">A page of the log; records do not cross pages.</param>
/// <param name="SegmentBytes">A file of the log, which is evicted as one.</param>
/// <param name="ChunkBytesMax">Most plain bytes of a chunk.</param>
internal readonly record struct CacheGeometry(long PageBytes, long SegmentBytes, int ChunkBytesMax)
{
    private const long PageBytesLargest = 1L << 20;
    private const long SegmentBytesLargest = 256L << 20;

    /// <summary>Most chunks that a cache of this size holds, so that hostile tiny ones cannot fill the memory with their names.</summary>
    public static long EntriesMax(long sizeBytesMax) => sizeBytesMax / (16 << 10);

    /// <summary>What suits a cache of these options.</summary>
    public static CacheGeometry For(ChunkCacheOptions options)
    {
        var share = PowerOfTwoAtMost(options.SizeBytesMax / 16);

        // Several chunks to a page, or the end of every page would be wasted.
        var page = Math.Min(PageBytesLargest, Math.Max(share / 2, PowerOfTwoAtLeast(options.ChunkBytesMax * 2L)));
        page = Math.Max(page, Math.Max(512 << 10, PowerOfTwoAtLeast(SegmentedLog.RecordBytes(options.ChunkBytesMax))));
        var segment = Math.Min(SegmentBytesLargest, Math.Max(share, page));
        return new CacheGeometry(page, segment, options.ChunkBytesMax);
    }

    /// <summary>What a checkpoint says.</summary>
    /// <exception cref="InvalidDataException">No cache was made so.</exception>
    public static CacheGeometry Of(in Checkpoint checkpoint) =>
        BitOperations.IsPow2(checkpoint.PageBytes) && BitOperations.IsPow2(checkpoint.SegmentBytes)
        && checkpoint.PageBytes <= checkpoint.SegmentBytes && checkpoint.SegmentBytes <= SegmentBytesLargest
        && checkpoint.ChunkBytesMax > 0 && SegmentedLog.RecordBytes((int)checkpoint.ChunkBytesMax) <= checkpoint.PageBytes
            ? new CacheGeometry(checkpoint.PageBytes, checkpoint.SegmentBytes, (int)checkpoint.ChunkBytesMax)
            : throw new InvalidDataException("its checkpoint names impossible sizes");

    /// <summary>Whether a directory made with <paramref name="other"/> still serves where this would be made today.</summary>
    public bool CanUse(CacheGeometry other) =>
        other.ChunkBytesMax >= ChunkBytesMax
        && other.SegmentBytes <= SegmentBytes * 2 && other.SegmentBytes >= SegmentBytes / 16;

    /// <summary>Memory for chunks that are written already: what the log's pages leave of all.</summary>
    public long RecentBytes(ChunkCacheOptions options) =>
        Math.Max(0, Math.Min(options.MemoryBytes, options.SizeBytesMax / 4) - (SegmentedLog.PagesInMemory * PageBytes));

    private static long PowerOfTwoAtMost(long value) => 1L << BitOperations.Log2((ulong)Math.Max(value, 1));

    private static long PowerOfTwoAtLeast(long value) => (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(value, 1));
}
