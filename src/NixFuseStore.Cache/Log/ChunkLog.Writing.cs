using FASTER.core;
using NixFuseStore.Cache.Checkpoints;
using NixFuseStore.Cache.Keys;
using NixFuseStore.Content;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Cache.Log;

internal sealed partial class ChunkLog
{
    /// <summary>Bytes of a record beyond the chunk: FASTER's header, key, length and alignment.</summary>
    public const int RecordOverhead = 8 + ChunkId.Size + sizeof(int) + 8;

    private long _keepCredit = long.MaxValue;

    /// <summary>
    /// Most bytes that log and checkpoints may take on disk at any time from now until the next eviction, when so many more are appended.
    /// </summary>
    public long SizeBytesAfter(long moreBytes)
    {
        // A record that does not fit a page starts the next one, and pages are written in whole blocks.
        var pages = ((TailAddress + moreBytes) / PageBytes) + 2;
        var extent = (pages * PageBytes) - (_firstSegment * SegmentBytes);

        // Sums: one block per file or per 64 MiB of it.
        var sums = ((extent / Math.Min(SegmentBytes, 64L << 20)) + 2) * Devices.BlockSums.BlockBytes;
        return extent + sums + CheckpointReserveBytes;
    }

    /// <summary>Two checkpoints: the published one, and the next one while it is being written.</summary>
    private long CheckpointReserveBytes => 2 * CheckpointBytes;

    /// <summary>One checkpoint, without the log.</summary>
    private long CheckpointBytes
    {
        get
        {
            // Overflow buckets cannot be asked for; every seven chunks take one at worst. FASTER writes no fewer than 64 KiB of them.
            var buckets = (Keys.Count / 7 * 64L) + (1 << 20);
            var one = _geometry.IndexBytes + buckets + (Keys.Count * (long)sizeof(ulong)) + (64 << 10);
            return Math.Max(one, _checkpoints.SizeBytes + (64 << 10));
        }
    }

    /// <summary>Appends a chunk. Waits while FASTER's memory is full of what is still being flushed.</summary>
    public unsafe void Append(in ChunkId id, ChunkBuffer chunk)
    {
        var key = ChunkKey.From(id);
        var value = SpanByte.FromPointer(chunk.Pointer, chunk.Length);
        _writer!.Session.Upsert(ref key, ref value);
        Keys.Add(KeyTable.Fingerprint(id));
    }

    /// <summary>Gives up all segments but those of the newest bytes, without a look at what is used.</summary>
    /// <returns>False when the disk failed.</returns>
    public bool GiveUpAllBut(long bytes)
    {
        var until = (TailAddress - bytes) / SegmentBytes * SegmentBytes;
        if (until <= BeginAddress)
        {
            return true;
        }

        _store.Log.ShiftBeginAddress(until);
        return Checkpoint();
    }

    /// <summary>Appends what the newest part of this log holds, and is whole, to another.</summary>
    /// <param name="next">The other log.</param>
    /// <param name="bytes">Most bytes of this log that are looked at.</param>
    /// <param name="check">Called for each record; what it throws ends the copying.</param>
    /// <exception cref="IOException">The disk did not give all of it.</exception>
    public unsafe void CopyNewestTo(ChunkLog next, long bytes, Action check)
    {
        // A scan begins at a page, where a record begins.
        var from = Math.Max(BeginAddress, (TailAddress - bytes + PageBytes - 1) / PageBytes * PageBytes);
        using var records = Scan(from, TailAddress);
        while (records.GetNext(out var info))
        {
            check();
            ref var key = ref records.GetKey();
            ref var value = ref records.GetValue();
            var fingerprint = KeyTable.Fingerprint(key.FirstBytes);
            if (info.Tombstone || !Keys.Contains(fingerprint) || next.Keys.Contains(fingerprint)
                || value.Length <= 0 || value.Length > Math.Min(ChunkBytesMax, next.ChunkBytesMax)
                || ChunkId.Compute(value.AsReadOnlySpan()) != key.ToId())
            {
                continue;
            }

            next._writer!.Session.Upsert(ref key, ref value);
            next.Keys.Add(fingerprint);
            if (Keys.TakeUsed(fingerprint))
            {
                next.Keys.MarkUsed(fingerprint);
            }
        }

        ThrowIfUnread(TakeReadFailure() is { } failure && !DiskErrors.IsMedium(failure) ? failure : null);
    }

    /// <summary>
    /// Gives up the oldest segment; what was used since the last pass is appended again. The disk is freed by the next
    /// <see cref="Checkpoint"/>.
    /// </summary>
    /// <remarks>
    /// A cache of which everything is used must still make room, so what may be kept is a credit: every pass earns three quarters of a
    /// segment, and a run of hot segments is kept whole from what colder ones left over.
    /// </remarks>
    /// <param name="creditMax">Most bytes of credit that may be saved up.</param>
    /// <returns>Chunks that are gone.</returns>
    public long EvictOldest(long creditMax)
    {
        var until = ((BeginAddress / SegmentBytes) + 1) * SegmentBytes;
        if (until > TailAddress)
        {
            return 0;
        }

        if (until > _store.Log.SafeReadOnlyAddress)
        {
            _store.Log.ShiftReadOnlyAddress(_store.Log.TailAddress, wait: true);
        }

        var pass = new EvictionPass(Keys, Math.Min(_keepCredit, SegmentBytes));
        _writer!.Session.Compact(until, CompactionType.Lookup, pass);
        _keepCredit = Math.Min(_keepCredit - pass.KeptBytes + (SegmentBytes * 3 / 4), Math.Max(creditMax, SegmentBytes));
        return pass.Evicted;
    }

    /// <summary>Puts everything on the disk, makes it what a restart recovers, and frees what was evicted.</summary>
    /// <returns>False when the disk failed: then the checkpoint before stays.</returns>
    public bool Checkpoint()
    {
        // 1. FASTER's part. FoldOver: the tail is flushed, no copy is made. Index and log together keep recovery quick.
        var begin = BeginAddress;
        // Stepped from here: FASTER's own waiting needs the thread pool, which may be busy with those who wait for the cache.
        if (!_store.TryInitiateFullCheckpoint(out var token, CheckpointType.FoldOver))
        {
            throw new FasterException("a checkpoint is under way");
        }

        for (var spin = new SpinWait(); _store.SystemState.Phase != Phase.REST; spin.SpinOnce())
        {
            _writer!.Session.Refresh();
        }

        if (_lanes.Failure is not null)
        {
            _checkpoints.DeleteAllBut(CurrentOrNull());
            return false;
        }

        // 2. Ours.
        SummedFile.Write(_checkpoints.KeysPath(token), Keys.ToBytes());
        _device.FlushToDisk();
        _checkpoints.Publish(token);

        // 3. Nothing needs the old segments now.
        _firstSegment = (int)(begin / SegmentBytes);
        _device.DeleteSegmentsBefore(_firstSegment);
        return true;
    }

    private Guid? CurrentOrNull()
    {
        try
        {
            return _checkpoints.Current();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
