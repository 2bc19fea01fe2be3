using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Cache.Devices;

/// <summary>
/// A file of checksummed blocks. Reads and writes are of whole blocks; what does not match its sum, or was never written, reads as zeros, and
/// so does what the disk does not give; only the last is told as a failure, for it may be there the next time.
/// </summary>
/// <remarks>
/// <code>
/// | sums of group 0 (16 KiB: 4096 x u32) | 4096 blocks of 16 KiB | sums of group 1 | 4096 blocks | ...
/// </code>
/// Data is written before its sums, so that an interrupted write leaves blocks that do not match. Sums are little-endian, as this is a
/// file of one machine. Writes come from one thread; reads from any.
/// </remarks>
internal sealed class BlockFile : IDisposable
{
    private const int GroupBlocks = BlockSums.BlockBytes / sizeof(uint);
    private const int BounceBlocks = 64;

    private readonly string _path;
    private readonly ulong _place;
    private readonly Action<string>? _fault;
    private readonly Lock _lock = new();
    private uint[]?[] _groups = [];
    private SafeFileHandle? _handle;
    private bool _missing;
    private bool _disposed;
    private long _length;

    /// <summary>Opens nothing yet.</summary>
    /// <param name="path">The file.</param>
    /// <param name="place">Number of the file among its kind, below 2^24.</param>
    /// <param name="fault">For tests: runs before the file is opened or read, with its path; what it throws is the disk's failure.</param>
    /// <exception cref="IOException">Whether the file is there cannot be told.</exception>
    public BlockFile(string path, int place, Action<string>? fault = null)
    {
        _path = path;
        _place = (ulong)place << 40;
        _fault = fault;
        try
        {
            // Not FileInfo.Exists, which also says no where the file system gave an error.
            _length = new FileInfo(path).Length;
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            _missing = true;
        }
    }

    /// <summary>Bytes of the file, sums and all.</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>Whether there is something to bring to the disk with <see cref="FlushToDisk"/>.</summary>
    public bool IsDirty { get; private set; }

    /// <summary>Reads whole blocks; bad ones as zeros.</summary>
    /// <remarks>
    /// FASTER skips zeros. What it then takes for a record in the middle of a value has a bounded length
    /// (<see cref="Log.ChunkValueLength"/>) and a name that is never asked for.
    /// </remarks>
    /// <param name="offset">Logical offset, a multiple of the block size.</param>
    /// <param name="destination">Whole blocks.</param>
    /// <param name="failure">Set, unless it was before, where the disk did not give a block: what it holds is not known.</param>
    /// <returns>Number of blocks that were there but did not match.</returns>
    public int Read(long offset, Span<byte> destination, ref Exception? failure)
    {
        var mismatches = 0;
        while (!destination.IsEmpty)
        {
            var block = offset / BlockSums.BlockBytes;
            var run = (int)Math.Min(destination.Length / BlockSums.BlockBytes, GroupBlocks - (block % GroupBlocks));
            var bytes = run * BlockSums.BlockBytes;
            mismatches += ReadRun(block, destination[..bytes], ref failure);
            offset += bytes;
            destination = destination[bytes..];
        }

        return mismatches;
    }

    /// <summary>Writes whole blocks. When it throws, what was there before and what should be there now both read as zeros.</summary>
    /// <exception cref="IOException">The disk is full or broken.</exception>
    public unsafe void Write(long offset, byte* source, int length, byte[] bounce)
    {
        while (length > 0)
        {
            var block = offset / BlockSums.BlockBytes;
            var run = (int)Math.Min(Math.Min(length / BlockSums.BlockBytes, BounceBlocks), GroupBlocks - (block % GroupBlocks));
            var bytes = run * BlockSums.BlockBytes;

            // A copy, because the log's tail may go on growing in the same block: sum and data must be of one moment.
            new ReadOnlySpan<byte>(source, bytes).CopyTo(bounce);
            try
            {
                WriteRun(block, bounce.AsSpan(0, bytes));
            }
            catch (IOException) when (run > 1)
            {
                WriteSingly(block, bounce.AsSpan(0, bytes));
                throw;
            }

            offset += bytes;
            source += bytes;
            length -= bytes;
        }
    }

    /// <summary>A buffer as <see cref="Write"/> needs it, to be used again.</summary>
    public static byte[] NewBounce() => GC.AllocateUninitializedArray<byte>(BounceBlocks * BlockSums.BlockBytes, pinned: true);

    /// <summary>Brings everything to the disk.</summary>
    public void FlushToDisk()
    {
        var handle = _handle;
        if (IsDirty && handle is not null)
        {
            RandomAccess.FlushToDisk(handle);
            IsDirty = false;
        }
    }

    /// <summary>Closes and deletes the file. Reads that are under way end well, later ones read zeros.</summary>
    public void Delete()
    {
        Dispose();
        File.Delete(_path);
    }

    /// <summary>Closes the file; later reads read zeros.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _handle?.Dispose();
            _handle = null;
        }
    }

    private int ReadRun(long block, Span<byte> destination, ref Exception? failure)
    {
        uint[]? sums;
        var got = 0;
        try
        {
            var handle = Open(forWriting: false);
            sums = handle is null ? null : Sums(block / GroupBlocks, handle, forWriting: false);
            if (sums is not null)
            {
                got = ReadFully(handle!, destination, DataOffset(block));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            failure ??= e;
            destination.Clear();
            return 0;
        }

        destination[got..].Clear();
        var mismatches = 0;
        for (var i = 0; i < destination.Length / BlockSums.BlockBytes; i++)
        {
            var data = destination.Slice(i * BlockSums.BlockBytes, BlockSums.BlockBytes);
            var expected = sums is null ? BlockSums.Unknown : Volatile.Read(ref sums[(block + i) % GroupBlocks]);
            if (expected != BlockSums.Unknown && BlockSums.Compute(data, _place | (ulong)(block + i)) == expected)
            {
                continue;
            }

            // A write may have come between reading the data and reading its sum; then the sum has changed.
            if (expected != BlockSums.Unknown && Volatile.Read(ref sums![(block + i) % GroupBlocks]) == expected)
            {
                mismatches++;
            }

            data.Clear();
        }

        return mismatches;
    }

    private void WriteRun(long block, Span<byte> data)
    {
        var handle = Open(forWriting: true) ?? throw new IOException($"{_path}: closed");
        var group = block / GroupBlocks;
        var first = (int)(block % GroupBlocks);
        var count = data.Length / BlockSums.BlockBytes;
        var sums = Sums(group, handle, forWriting: true)!;
        for (var i = 0; i < count; i++)
        {
            Volatile.Write(ref sums[first + i], BlockSums.Unknown);
        }

        IsDirty = true;
        RandomAccess.Write(handle, data, DataOffset(block));
        Span<uint> fresh = stackalloc uint[BounceBlocks];
        for (var i = 0; i < count; i++)
        {
            fresh[i] = BlockSums.Compute(data.Slice(i * BlockSums.BlockBytes, BlockSums.BlockBytes), _place | (ulong)(block + i));
        }

        RandomAccess.Write(handle, MemoryMarshal.AsBytes(fresh[..count]), GroupOffset(group) + (first * sizeof(uint)));
        for (var i = 0; i < count; i++)
        {
            Volatile.Write(ref sums[first + i], fresh[i]);
        }

        Volatile.Write(ref _length, Math.Max(_length, DataOffset(block) + data.Length));
    }

    /// <summary>
    /// After a failure: the first block may be the log's tail of before, with records in it that were safe. It needs no new space, and
    /// so it can be written on a full disk.
    /// </summary>
    private void WriteSingly(long block, Span<byte> data)
    {
        try
        {
            for (var i = 0; i < data.Length / BlockSums.BlockBytes; i++)
            {
                WriteRun(block + i, data.Slice(i * BlockSums.BlockBytes, BlockSums.BlockBytes));
            }
        }
        catch (IOException)
        {
            // The disk is still full; the caller reports the first failure.
        }
    }

    private SafeFileHandle? Open(bool forWriting)
    {
        var handle = Volatile.Read(ref _handle);
        if (handle is not null || (_missing && !forWriting))
        {
            return handle;
        }

        lock (_lock)
        {
            if (_handle is null && !_disposed)
            {
                _fault?.Invoke(_path);
                _handle = File.OpenHandle(_path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
                _missing = false;
            }

            return _handle;
        }
    }

    /// <summary>The sums of a group, read once; null for a group that the file does not reach.</summary>
    private uint[]? Sums(long group, SafeFileHandle handle, bool forWriting)
    {
        var groups = Volatile.Read(ref _groups);
        if (group < groups.Length && groups[group] is { } known)
        {
            return known;
        }

        lock (_lock)
        {
            if (!forWriting && GroupOffset(group) >= _length)
            {
                return null;
            }

            if (group < _groups.Length && _groups[group] is { } meanwhile)
            {
                return meanwhile;
            }

            var sums = new uint[GroupBlocks];
            ReadFully(handle, MemoryMarshal.AsBytes(sums.AsSpan()), GroupOffset(group));
            if (group >= _groups.Length)
            {
                var longer = new uint[]?[group + 1];
                _groups.CopyTo(longer, 0);
                Volatile.Write(ref _groups, longer);
            }

            Volatile.Write(ref _groups[group], sums);
            return sums;
        }
    }

    /// <summary>Reads until the destination is full or the file ends.</summary>
    /// <exception cref="IOException">The disk does not give it.</exception>
    private int ReadFully(SafeFileHandle handle, Span<byte> destination, long offset)
    {
        var got = 0;
        try
        {
            _fault?.Invoke(_path);
            while (got < destination.Length)
            {
                var more = RandomAccess.Read(handle, destination[got..], offset + got);
                if (more == 0)
                {
                    break;
                }

                got += more;
            }
        }
        catch (ObjectDisposedException)
        {
            // The segment was evicted a moment ago.
        }

        return got;
    }

    private static long GroupOffset(long group) => group * (GroupBlocks + 1L) * BlockSums.BlockBytes;

    private static long DataOffset(long block) => GroupOffset(block / GroupBlocks) + ((1 + (block % GroupBlocks)) * BlockSums.BlockBytes);
}
