using System.Collections.Concurrent;
using FASTER.core;

namespace NixFuseStore.Cache.Devices;

/// <summary>
/// What FASTER reads and writes: segments of checksummed blocks. Segments are deleted only by <see cref="DeleteSegmentsBefore"/>, once a
/// checkpoint that no longer needs them is on disk.
/// </summary>
internal sealed class BlockDevice : StorageDeviceBase
{
    private readonly DiskLanes _lanes;
    private readonly ConcurrentDictionary<int, BlockFile> _segments = new();
    private int _mismatches;
    private Exception? _readFailure;

    /// <param name="path">Path of the file; segments append a dot and their number unless <paramref name="isSingleFile"/>.</param>
    /// <param name="lanes">The threads that do the work.</param>
    /// <param name="isSingleFile">Whether there is but one file of any size.</param>
    public BlockDevice(string path, DiskLanes lanes, bool isSingleFile)
        : base(path, BlockSums.BlockBytes, FASTER.core.Devices.CAPACITY_UNSPECIFIED)
    {
        _lanes = lanes;
        IsSingleFile = isSingleFile;
    }

    /// <summary>Blocks read so far that did not match their sum, in reads other than those of single records.</summary>
    public int Mismatches => Volatile.Read(ref _mismatches);

    /// <summary>The first read, other than those of single records, that the disk failed since <see cref="TakeReadFailure"/>.</summary>
    public Exception? TakeReadFailure() => Interlocked.Exchange(ref _readFailure, null);

    /// <summary>Bytes of all files.</summary>
    public long SizeBytes
    {
        get
        {
            long sum = 0;
            foreach (var (_, file) in _segments)
            {
                sum += file.Length;
            }

            return sum;
        }
    }

    private bool IsSingleFile { get; }

    /// <summary>Takes note of the segments that are there, and deletes those outside the range.</summary>
    public void Adopt(int firstSegment, int lastSegment)
    {
        foreach (var path in Directory.EnumerateFiles(Path.GetDirectoryName(FileName)!, Path.GetFileName(FileName) + ".*"))
        {
            if (int.TryParse(Path.GetExtension(path.AsSpan())[1..], out var segment) && segment >= firstSegment && segment <= lastSegment)
            {
                Segment(segment);
            }
            else
            {
                File.Delete(path);
            }
        }
    }

    public override void ReadAsync(
        int segmentId, ulong sourceAddress, IntPtr destinationAddress, uint readLength, DeviceIOCompletionCallback callback, object context)
    {
        var file = Segment(segmentId);
        if (DeferredReads.Current is { } deferred
            && deferred.TryTake(file, (long)sourceAddress, destinationAddress, readLength, callback, context))
        {
            return;
        }

        _lanes.Enqueue(new PageRead(this, file, (long)sourceAddress, destinationAddress, readLength, callback, context));
    }

    public override void WriteAsync(
        IntPtr sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback, object context) =>
        _lanes.Enqueue(new PageWrite(Segment(segmentId), (long)destinationAddress, sourceAddress, numBytesToWrite, callback, context));

    /// <summary>Deletes the files of all segments below one.</summary>
    public void DeleteSegmentsBefore(int segment)
    {
        foreach (var (number, file) in _segments)
        {
            if (number < segment && _segments.TryRemove(number, out _))
            {
                file.Delete();
            }
        }
    }

    /// <summary>Brings all written bytes to the disk.</summary>
    public void FlushToDisk()
    {
        foreach (var (_, file) in _segments)
        {
            file.FlushToDisk();
        }
    }

    /// <summary>FASTER truncates when it likes; here a segment lives until no published checkpoint needs it.</summary>
    public override void TruncateUntilAddressAsync(long toAddress, AsyncCallback callback, IAsyncResult result) => callback(result);

    public override void TruncateUntilAddress(long toAddress)
    {
    }

    public override void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    public override void RemoveSegment(int segment)
    {
    }

    public override long GetFileSize(int segment) => Segment(segment).Length;

    public override void Dispose()
    {
        foreach (var (_, file) in _segments)
        {
            file.Dispose();
        }
    }

    /// <summary>On the lane's thread.</summary>
    public unsafe void ReadNow(in PageRead read)
    {
        Exception? failure = null;
        Interlocked.Add(ref _mismatches, read.File.Read(read.Offset, new Span<byte>((byte*)read.Destination, checked((int)read.Length)), ref failure));
        if (failure is not null)
        {
            Interlocked.CompareExchange(ref _readFailure, failure, null);
        }

        read.Callback(0, read.Length, read.Context);
    }

    private BlockFile Segment(int number)
    {
        if (_segments.TryGetValue(number, out var known))
        {
            return known;
        }

        return _segments.GetOrAdd(
            number,
            static (segment, device) => new BlockFile(
                device.IsSingleFile ? device.FileName : $"{device.FileName}.{segment}", segment, device._lanes.FileFault),
            this);
    }
}
