using System.Collections.Concurrent;
using FASTER.core;

namespace NixFuseStore.Cache.Devices;

/// <summary>
/// Where FASTER writes the log: one file for each segment, at the place that the address says. FASTER reads nothing back; readers come here
/// (<see cref="Read"/>). Segments are deleted only by <see cref="DeleteSegmentsBefore"/>, once a checkpoint that no longer needs them is on disk.
/// </summary>
/// <param name="path">Path of the files; each appends a dot and the segment's number.</param>
/// <param name="segmentBytes">Bytes of a segment.</param>
/// <param name="lane">The thread that writes.</param>
/// <param name="fileFault">For tests; see <see cref="SegmentFile"/>.</param>
internal sealed class SegmentDevice(string path, long segmentBytes, WriteLane lane, Action<string>? fileFault)
    : StorageDeviceBase(path, SectorBytes, FASTER.core.Devices.CAPACITY_UNSPECIFIED)
{
    /// <summary>FASTER's writes begin and end at multiples of this.</summary>
    public const int SectorBytes = 4096;

    private readonly ConcurrentDictionary<int, SegmentFile> _segments = new();
    private readonly Lock _lock = new();
    private List<(long From, long Until)> _unwritten = [];

    /// <summary>Until where FASTER believes the log to be on disk.</summary>
    public Func<long> FlushedUntil { get; set; } = static () => 0;

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

    /// <summary>Takes note of the segments that are there, and deletes those outside the range.</summary>
    public void Adopt(int firstSegment, int lastSegment)
    {
        foreach (var found in Directory.EnumerateFiles(Path.GetDirectoryName(FileName)!, Path.GetFileName(FileName) + ".*"))
        {
            if (int.TryParse(Path.GetExtension(found.AsSpan())[1..], out var segment) && segment >= firstSegment && segment <= lastSegment)
            {
                SegmentToWrite(segment);
            }
            else
            {
                File.Delete(found);
            }
        }
    }

    /// <summary>Reads what lies at an address; a record never crosses segments. Any thread.</summary>
    /// <returns>Bytes read; fewer where the segment is gone or ends.</returns>
    /// <exception cref="IOException">The disk does not give it now.</exception>
    /// <exception cref="ObjectDisposedException">The segment, or the log, was closed a moment ago.</exception>
    public int Read(long address, Span<byte> destination) =>
        _segments.TryGetValue((int)(address / segmentBytes), out var file) ? file.Read(address % segmentBytes, destination) : 0;

    public override void WriteAsync(
        IntPtr sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback, object context) =>
        lane.Enqueue(new PageWrite(
            this, SegmentToWrite(segmentId), (segmentId * segmentBytes) + (long)destinationAddress, sourceAddress, numBytesToWrite, callback, context));

    /// <summary>On the lane's thread.</summary>
    public unsafe void WriteNow(in PageWrite write)
    {
        write.File.Write(write.Address % segmentBytes, new ReadOnlySpan<byte>((byte*)write.Source, checked((int)write.Length)));
        lock (_lock)
        {
            if (_unwritten.Count > 0)
            {
                // The last sector of a failed write, which the log's tail has grown in since.
                _unwritten = Without(_unwritten, write.Address, write.Address + write.Length);
            }
        }
    }

    /// <summary>
    /// On the lane's thread, before FASTER is told that a failed write is done. What lies before that in the same sector was written earlier, and
    /// stays.
    /// </summary>
    public void NoteUnwritten(in PageWrite write)
    {
        lock (_lock)
        {
            _unwritten.Add((Math.Max(write.Address, FlushedUntil()), write.Address + write.Length));
        }
    }

    /// <summary>Whether a write of any of these addresses failed and is not forgotten.</summary>
    public bool IsUnwritten(long from, long until)
    {
        lock (_lock)
        {
            return _unwritten.Exists(range => from < range.Until && until > range.From);
        }
    }

    /// <summary>The addresses whose writes failed.</summary>
    public List<(long From, long Until)> Unwritten()
    {
        lock (_lock)
        {
            return [.. _unwritten];
        }
    }

    /// <summary>Forgets those.</summary>
    public void Forget(List<(long From, long Until)> unwritten)
    {
        lock (_lock)
        {
            _unwritten = _unwritten.Except(unwritten).ToList();
        }
    }

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

    public override void ReadAsync(
        int segmentId, ulong sourceAddress, IntPtr destinationAddress, uint readLength, DeviceIOCompletionCallback callback, object context) =>
        throw new NotSupportedException("the log is never read through FASTER");

    /// <summary>FASTER truncates when it likes; here a segment lives until no published checkpoint needs it.</summary>
    public override void TruncateUntilAddressAsync(long toAddress, AsyncCallback callback, IAsyncResult result) => callback(result);

    public override void TruncateUntilAddress(long toAddress)
    {
    }

    public override void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    public override void RemoveSegment(int segment)
    {
    }

    public override long GetFileSize(int segment) => _segments.TryGetValue(segment, out var file) ? file.Length : 0;

    public override void Dispose()
    {
        foreach (var (_, file) in _segments)
        {
            file.Dispose();
        }
    }

    private static List<(long From, long Until)> Without(List<(long From, long Until)> ranges, long from, long until)
    {
        var left = new List<(long From, long Until)>(ranges.Count + 1);
        foreach (var range in ranges)
        {
            var before = (range.From, Until: Math.Min(range.Until, from));
            var behind = (From: Math.Max(range.From, until), range.Until);
            if (before.From < before.Until)
            {
                left.Add(before);
            }

            if (behind.From < behind.Until)
            {
                left.Add(behind);
            }
        }

        return left;
    }

    private SegmentFile SegmentToWrite(int number) =>
        _segments.TryGetValue(number, out var known) ? known : _segments.GetOrAdd(number, new SegmentFile($"{FileName}.{number}", fileFault));
}
