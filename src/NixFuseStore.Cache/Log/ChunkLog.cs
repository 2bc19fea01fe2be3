using NixFuseStore.Cache.Devices;
using NixFuseStore.Cache.Keys;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// The chunks in their log: which it holds, where they lie, and which of them stay when the oldest segment goes. One thread writes
/// (<see cref="Append"/>, <see cref="EvictOldest"/>, <see cref="Checkpoint"/>); any thread reads.
/// </summary>
internal sealed partial class ChunkLog : IDisposable
{
    private readonly string _directory;
    private readonly CacheGeometry _geometry;
    private readonly SegmentedLog _log;
    private readonly RecentChunks _recent;
    private long _checkpointFileBytes;
    private volatile bool _disposed;

    private ChunkLog(string directory, CacheGeometry geometry, ChunkCacheOptions options, KeyTable keys, long beginAddress, long tailAddress)
    {
        _directory = directory;
        _geometry = geometry;
        _recent = new RecentChunks(geometry.RecentBytes(options));
        _log = new SegmentedLog(
            Path.Combine(directory, LogName), geometry.PageBytes, geometry.SegmentBytes, beginAddress, tailAddress, options.FileFault);
        Keys = keys;
    }

    /// <summary>Whether it was made for a size limit so different that it should be made anew.</summary>
    public bool IsOfAnotherSize { get; private init; }

    /// <summary>What the log holds.</summary>
    public KeyTable Keys { get; }

    /// <summary>The thread that writes the files; its failures are the disk's.</summary>
    public WriteLane Writes => _log.Writes;

    /// <summary>Bytes of log and checkpoint on disk at present.</summary>
    public long SizeBytes => _log.SizeBytes + Volatile.Read(ref _checkpointFileBytes);

    /// <summary>Largest chunk that a page takes.</summary>
    public int ChunkBytesMax => _geometry.ChunkBytesMax;

    /// <summary>Bytes of a segment.</summary>
    public long SegmentBytes => _geometry.SegmentBytes;

    /// <summary>Bytes of a page.</summary>
    public long PageBytes => _geometry.PageBytes;

    /// <summary>Where the next record goes.</summary>
    public long TailAddress => _log.TailAddress;

    /// <summary>First byte of the log that is not given up.</summary>
    public long BeginAddress => _log.BeginAddress;

    /// <summary>Bytes that the next checkpoint adds to the disk, at most: what is only in memory yet, and its own file.</summary>
    public long BytesToCheckpoint => TailAddress - _log.FlushedUntilAddress + PageBytes + CheckpointBytes;

    /// <summary>Ends all that runs. Reads that are under way find nothing.</summary>
    public void Dispose()
    {
        _disposed = true;
        _log.Dispose();
        _recent.Dispose();
    }
}
