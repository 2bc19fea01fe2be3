using FASTER.core;
using NixFuseStore.Cache.Devices;

namespace NixFuseStore.Cache.Log;

/// <summary>
/// An append-only log of records on disk: <c>FasterLog</c> assembles pages and has them written, in files of a fixed size, of which the
/// oldest can be given up. One thread appends, flushes and truncates; any thread reads.
/// </summary>
/// <remarks>
/// <para>
/// Records are read from the files, not through FASTER: its reads always go to the device, allocate several objects and end on the thread
/// pool, which may be full of those who wait for the cache. The place of a record is known, as an address is an offset in the files.
/// </para>
/// <para>
/// FASTER is made with the first record that is appended: its first two pages cost a page fault for every 4 KiB, which a process that only
/// reads never pays.
/// </para>
/// </remarks>
internal sealed class SegmentedLog : IDisposable
{
    /// <summary>Where a new log begins; FASTER keeps what lies before to itself.</summary>
    public const long FirstAddress = 64;

    /// <summary>FASTER writes the record's length before it.</summary>
    private const int HeaderBytes = sizeof(int);

    /// <summary>FASTER aligns records to this.</summary>
    private const int AlignmentBytes = 4;

    /// <summary>Pages that are being filled and written at a time; the appending thread waits while all of them wait to be written.</summary>
    public const int PagesInMemory = 8;

    private readonly SegmentDevice _device;
    private readonly long _pageBytes;
    private readonly long _recoveredTail;
    private readonly long _segmentBytes;
    private FasterLog? _log;

    /// <summary>Opens a log as it was when its tail was there, or a new one.</summary>
    /// <param name="path">Path of the files; each appends a dot and its number.</param>
    /// <param name="pageBytes">Bytes of a page, a power of two; a record does not cross pages.</param>
    /// <param name="segmentBytes">Bytes of a file, a power of two.</param>
    /// <param name="beginAddress">First byte that is not given up.</param>
    /// <param name="tailAddress">End of the log. Files that lie outside are deleted.</param>
    /// <param name="fileFault">For tests; see <see cref="SegmentFile"/>.</param>
    public SegmentedLog(string path, long pageBytes, long segmentBytes, long beginAddress, long tailAddress, Action<string>? fileFault)
    {
        _device = new SegmentDevice(path, segmentBytes, Writes, fileFault);
        _pageBytes = pageBytes;
        _segmentBytes = segmentBytes;
        BeginAddress = beginAddress;

        // FASTER writes whole sectors and does not know what stands in the last one: it begins with the next.
        _recoveredTail = tailAddress == FirstAddress ? FirstAddress
            : (tailAddress + SegmentDevice.SectorBytes - 1) / SegmentDevice.SectorBytes * SegmentDevice.SectorBytes;
        _device.Adopt(FirstSegment, (int)(_recoveredTail / segmentBytes));
    }

    /// <summary>The thread that writes; its failures are the disk's.</summary>
    public WriteLane Writes { get; } = new();

    /// <summary>First byte that is not given up.</summary>
    public long BeginAddress { get; private set; }

    /// <summary>Where the next record goes.</summary>
    public long TailAddress => Volatile.Read(ref _log)?.TailAddress ?? _recoveredTail;

    /// <summary>Until where the log lies in the files, but for what <see cref="IsUnwritten"/> says.</summary>
    public long FlushedUntilAddress => Volatile.Read(ref _log)?.FlushedUntilAddress ?? _recoveredTail;

    /// <summary>Bytes of all files.</summary>
    public long SizeBytes => _device.SizeBytes;

    private int FirstSegment => (int)(BeginAddress / _segmentBytes);

    /// <summary>Bytes of a record in the log, but for what stays free at the end of a page.</summary>
    public static long RecordBytes(int length) => HeaderBytes + ((length + AlignmentBytes - 1L) / AlignmentBytes * AlignmentBytes);

    /// <summary>Appends a record. Waits while all pages wait to be written.</summary>
    /// <returns>Address of its first byte.</returns>
    public long Append(ReadOnlySpan<byte> record)
    {
        var log = _log ?? Start();
        while (true)
        {
            var completed = Writes.Completed;
            if (log.TryEnqueue(record, out var address))
            {
                return address + HeaderBytes;
            }

            Writes.WaitForMore(completed);
        }
    }

    /// <summary>Waits until all that was appended lies in the files, but for what <see cref="IsUnwritten"/> says.</summary>
    public void Flush()
    {
        if (_log is not { } log)
        {
            return;
        }

        // What FASTER notes of the commit does not matter: the tail counts once a checkpoint of the log's user names it.
        var tail = log.TailAddress;
        log.Commit();
        while (true)
        {
            var completed = Writes.Completed;
            if (log.FlushedUntilAddress >= tail)
            {
                return;
            }

            Writes.WaitForMore(completed);
        }
    }

    /// <summary>Brings what lies in the files to the disk.</summary>
    public void FlushToDisk() => _device.FlushToDisk();

    /// <summary>Reads a part of a record that lies in the files.</summary>
    /// <returns>Bytes read; fewer where the record is given up or was never written.</returns>
    /// <exception cref="IOException">The disk does not give it now.</exception>
    /// <exception cref="ObjectDisposedException">The file was given up, or the log closed, a moment ago.</exception>
    public int Read(long address, Span<byte> destination) => _device.Read(address, destination);

    /// <summary>Whether a write of any of these addresses failed, and <see cref="ForgetUnwritten"/> did not take note yet.</summary>
    public bool IsUnwritten(long from, long until) => _device.IsUnwritten(from, until);

    /// <summary>The addresses whose writes failed.</summary>
    public List<(long From, long Until)> Unwritten() => _device.Unwritten();

    /// <summary>Nothing refers to these addresses any more.</summary>
    public void ForgetUnwritten(List<(long From, long Until)> unwritten) => _device.Forget(unwritten);

    /// <summary>Gives up what lies before an address. The files stay until <see cref="DeleteTruncated"/>.</summary>
    public void TruncateUntil(long address)
    {
        BeginAddress = address;
        _log?.TruncateUntil(address);
    }

    /// <summary>Deletes the files that are given up as a whole.</summary>
    public void DeleteTruncated() => _device.DeleteSegmentsBefore(FirstSegment);

    /// <summary>Ends the writing thread after what is queued, and closes the files.</summary>
    public void Dispose()
    {
        // First the thread: it reads from FASTER's pages.
        Writes.Dispose();
        _log?.Dispose();
        _device.Dispose();
    }

    private FasterLog Start()
    {
        var log = new FasterLog(new FasterLogSettings
        {
            LogDevice = _device,
            PageSize = _pageBytes,
            MemorySize = PagesInMemory * _pageBytes,
            SegmentSize = _segmentBytes,
            LogCommitManager = new NoCommits(),
            TryRecoverLatest = false,
        });
        if (_recoveredTail != FirstAddress)
        {
            log.Initialize(BeginAddress, _recoveredTail);
        }

        _device.FlushedUntil = () => log.FlushedUntilAddress;
        Volatile.Write(ref _log, log);
        return log;
    }

    /// <summary>Keeps nothing: what counts is the checkpoint of the log's user, which names the tail.</summary>
    private sealed class NoCommits : ILogCommitManager
    {
        public void Commit(long beginAddress, long untilAddress, byte[] commitMetadata, long commitNum, bool forceWriteMetadata)
        {
        }

        public byte[]? GetCommitMetadata(long commitNum) => null;

        public IEnumerable<long> ListCommits() => [];

        public void RemoveCommit(long commitNum)
        {
        }

        public void RemoveAllCommits()
        {
        }

        public void OnRecovery(long commitNum)
        {
        }

        public void Dispose()
        {
        }
    }
}
