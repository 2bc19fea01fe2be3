using FASTER.core;
using NixFuseStore.Cache.Checkpoints;
using NixFuseStore.Cache.Devices;
using NixFuseStore.Cache.Keys;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// The FASTER log and its files. One thread writes (<see cref="Append"/>, <see cref="EvictOldest"/>, <see cref="Checkpoint"/>); readers
/// bring a session each.
/// </summary>
internal sealed partial class ChunkLog : IDisposable
{
    private readonly string _directory;
    private readonly CacheGeometry _geometry;
    private readonly DiskLanes _lanes;
    private readonly BlockDevice _device;
    private readonly CheckpointStore _checkpoints;
    private readonly FasterKV<ChunkKey, SpanByte> _store;
    private LogSession? _writer;
    private long _trustedFrom;
    private int _firstSegment;

    private ChunkLog(string directory, CacheGeometry geometry, long memoryBytes, Action<string>? fileFault)
    {
        _directory = directory;
        _geometry = geometry;
        _lanes = new DiskLanes(fileFault);
        _device = new BlockDevice(Path.Combine(directory, LogName), _lanes, isSingleFile: false);
        _checkpoints = new CheckpointStore(directory, _lanes);
        _store = new FasterKV<ChunkKey, SpanByte>(new FasterKVSettings<ChunkKey, SpanByte>
        {
            IndexSize = geometry.IndexBytes,
            LogDevice = _device,
            PageSize = geometry.PageBytes,
            SegmentSize = geometry.SegmentBytes,
            MemorySize = memoryBytes,

            // Values never change, so nothing is gained by keeping them mutable; what is not must be flushed anyway, and early is better.
            MutableFraction = 0.5,
            EqualityComparer = default(ChunkKey.Comparer),
            ValueLength = new ChunkValueLength(geometry.ChunkBytesMax),
            CheckpointManager = _checkpoints,

            // One thread writes and no record is ever updated in place.
            ConcurrencyControlMode = ConcurrencyControlMode.None,
        });
    }

    /// <summary>Whether it was made for a size limit so different that it should be made anew.</summary>
    public bool IsOfAnotherSize { get; private init; }

    /// <summary>What the log holds.</summary>
    public KeyTable Keys { get; private set; } = new();

    /// <summary>The threads that write and read the files; their failures are the disk's.</summary>
    public DiskLanes Lanes => _lanes;

    /// <summary>Bytes of log and checkpoints on disk at present.</summary>
    public long SizeBytes => _device.SizeBytes + _checkpoints.SizeBytes;

    /// <summary>Largest chunk that a page takes.</summary>
    public int ChunkBytesMax => _geometry.ChunkBytesMax;

    /// <summary>Bytes of a segment.</summary>
    public long SegmentBytes => _geometry.SegmentBytes;

    /// <summary>Bytes of a page.</summary>
    public long PageBytes => _geometry.PageBytes;

    /// <summary>Where the next record goes.</summary>
    public long TailAddress => _store.Log.TailAddress;

    /// <summary>First byte of the log that is not given up.</summary>
    public long BeginAddress => _store.Log.BeginAddress;

    /// <summary>Bytes that the next checkpoint adds to the disk, at most: what is only in memory yet, and its own files.</summary>
    public long BytesToCheckpoint => TailAddress - _store.Log.SafeReadOnlyAddress + _lanes.QueuedBytes + CheckpointBytes;

    /// <summary>The first read of a page or an index that the disk failed since the last call; null where it failed none.</summary>
    public Exception? TakeReadFailure() => _device.TakeReadFailure() ?? _checkpoints.TakeReadFailure();

    public LogSession NewSession()
    {
        var functions = new LogFunctions(_geometry.ChunkBytesMax);
        return new LogSession(_store.For(functions).NewSession<LogFunctions>(), functions);
    }

    /// <summary>Ends all that runs. Sessions of readers must have been disposed of.</summary>
    public void Dispose()
    {
        _writer?.Dispose();
        _store.Dispose();
        _lanes.Dispose();
        _checkpoints.Dispose();
        _device.Dispose();
    }
}
