using NixFuseStore.Cache.Checkpoints;
using NixFuseStore.Cache.Keys;
using NixFuseStore.Content;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Cache.Log;

internal sealed partial class ChunkLog
{
    private long _keepCredit = long.MaxValue;

    /// <summary>
    /// Most bytes that log and checkpoints may take on disk at any time from now until the next eviction, when so many more are appended.
    /// </summary>
    public long SizeBytesAfter(long moreBytes)
    {
        // A record that does not fit a page starts the next one, and pages are written as a whole.
        var pages = ((TailAddress + moreBytes) / PageBytes) + 2;
        var extent = (pages * PageBytes) - (BeginAddress / SegmentBytes * SegmentBytes);

        // Two checkpoints: the one that counts, and the next one while it is being written.
        return extent + (2 * CheckpointBytes);
    }

    /// <summary>One checkpoint, with what an eviction may add to it.</summary>
    private long CheckpointBytes => CheckpointFile.FileBytes(Keys.Count) + (64 << 10);

    /// <summary>Appends a chunk. Waits while all pages wait to be written.</summary>
    /// <exception cref="InvalidDataException">The log has taken in so much in its life that its addresses are used up.</exception>
    public void Append(in ChunkId id, ChunkBuffer chunk)
    {
        if (TailAddress > ChunkPlace.AddressMax - (2 * PageBytes))
        {
            throw new InvalidDataException("the log's addresses are used up");
        }

        var address = _log.Append(chunk.Span);
        _recent.Add(address, in id, chunk);
        _recent.Trim(_log.FlushedUntilAddress);
        Keys.Set(KeyTable.Fingerprint(id), new ChunkPlace(address, chunk.Length));
    }

    /// <summary>Forgets the chunks whose writes failed, as far as they are known by now.</summary>
    public void DropUnwritten()
    {
        var unwritten = _log.Unwritten();
        foreach (var (from, until) in unwritten)
        {
            foreach (var entry in Keys.EntriesBetween(from - ChunkBytesMax, until))
            {
                if (entry.Place.End > from)
                {
                    Keys.Remove(entry.Fingerprint);
                }
            }
        }

        _log.ForgetUnwritten(unwritten);
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

        foreach (var entry in Keys.EntriesBetween(0, until))
        {
            Keys.Remove(entry.Fingerprint);
        }

        _log.TruncateUntil(until);
        return Checkpoint();
    }

    /// <summary>Appends what the newest part of this log holds, and is whole, to another.</summary>
    /// <param name="next">The other log.</param>
    /// <param name="bytes">Most bytes of this log that are looked at.</param>
    /// <param name="check">Called for each chunk; what it throws ends the copying.</param>
    /// <exception cref="IOException">The disk did not give all of it.</exception>
    public void CopyNewestTo(ChunkLog next, long bytes, Action check)
    {
        foreach (var entry in Keys.EntriesBetween(TailAddress - bytes, TailAddress))
        {
            check();
            if (entry.Place.Length > next.ChunkBytesMax)
            {
                continue;
            }

            if (TryReadWhole(in entry, out var id, out var chunk, out var failure))
            {
                next.Append(in id, chunk);
                chunk.Release();
                if (entry.IsUsed)
                {
                    next.Keys.MarkUsed(entry.Fingerprint);
                }
            }
            else if (failure is not null && !DiskErrors.IsMedium(failure))
            {
                throw new IOException(failure.Message, failure) { HResult = failure.HResult };
            }
        }
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

        if (until > _log.FlushedUntilAddress)
        {
            _log.Flush();
        }

        var keepBytesMax = Math.Min(_keepCredit, SegmentBytes);
        long kept = 0;
        long evicted = 0;
        foreach (var entry in Keys.EntriesBetween(0, until))
        {
            // What is not kept leaves the key table at once.
            var bytes = SegmentedLog.RecordBytes(entry.Place.Length);
            if (Keys.TakeUsed(entry.Fingerprint) && kept + bytes <= keepBytesMax && TryReadWhole(in entry, out var id, out var chunk, out _))
            {
                Append(in id, chunk);
                chunk.Release();
                kept += bytes;
            }
            else
            {
                Keys.Remove(entry.Fingerprint);
                evicted++;
            }
        }

        _log.TruncateUntil(until);
        _keepCredit = Math.Min(_keepCredit - kept + (SegmentBytes * 3 / 4), Math.Max(creditMax, SegmentBytes));
        return evicted;
    }

    /// <summary>Puts everything on the disk, makes it what a restart recovers, and frees what was evicted.</summary>
    /// <returns>False when the disk failed: then the checkpoint before stays.</returns>
    public bool Checkpoint()
    {
        // 1. The log.
        var tail = TailAddress;
        _log.Flush();
        if (Writes.Failure is not null)
        {
            return false;
        }

        DropUnwritten();
        _recent.Trim(_log.FlushedUntilAddress);
        _log.FlushToDisk();

        // 2. What lies where in it. From here on it counts.
        WriteCheckpoint(tail);

        // 3. Nothing needs the old segments now.
        _log.DeleteTruncated();
        return true;
    }

    private void WriteCheckpoint(long tail) => Volatile.Write(
        ref _checkpointFileBytes,
        CheckpointFile.Write(_directory, new Checkpoint(PageBytes, SegmentBytes, ChunkBytesMax, BeginAddress, tail), Keys));
}
