using FASTER.core;
using NixFuseStore.Cache.Devices;
using NixFuseStore.Content;

namespace NixFuseStore.Cache.Log;

internal sealed partial class ChunkLog
{
    /// <summary>More steps than any chain of records takes; a reader that needs more is going round in circles.</summary>
    private const int StepsMax = 256;

    /// <summary>For tests: runs before each disk read of a record, on the reading thread.</summary>
    public Action? ReadFault { get; set; }

    /// <summary>Why the disk did not give a record, the last time it did not.</summary>
    public Exception? LastReadFailure { get; private set; }

    /// <summary>Reads one chunk on this thread.</summary>
    /// <param name="session">The thread's session.</param>
    /// <param name="id">The chunk.</param>
    /// <param name="length">Its plain bytes; negative when not known.</param>
    /// <param name="fromDisk">Whether the disk may be read.</param>
    /// <param name="chunk">The chunk, the caller's; null unless the outcome is one of the two that found it.</param>
    /// <exception cref="FasterException">The log is beyond repair.</exception>
    public ReadOutcome Read(LogSession session, in ChunkId id, int length, bool fromDisk, out ChunkBuffer? chunk)
    {
        // 1. Ask FASTER.
        var expectedBytes = !fromDisk ? 0 : length >= 0 ? Math.Min(length, _geometry.ChunkBytesMax) : ChunkValueLength.UnknownLength;
        var touchedDisk = Find(session, ChunkKey.From(id), expectedBytes, fromDisk);

        // 2. Is it what was asked for?
        chunk = session.Functions.TakeFound();
        if (touchedDisk && !fromDisk)
        {
            chunk?.Release();
            chunk = null;
            return ReadOutcome.OnDisk;
        }

        if (session.Reads.Failure is { } failure)
        {
            // FASTER saw zeros in place of what was not read: it may have taken another way than along the record's own.
            chunk?.Release();
            chunk = null;
            LastReadFailure = failure;
            return ReadOutcome.Unreadable;
        }

        if (chunk is null)
        {
            return session.Reads.Mismatches > 0 ? ReadOutcome.Corrupt : ReadOutcome.Missing;
        }

        // What this process appended was verified before. All else has been on a disk.
        if (touchedDisk || session.Functions.Address < _trustedFrom)
        {
            if (ChunkId.Compute(chunk.Span) != id)
            {
                chunk.Release();
                chunk = null;
                return ReadOutcome.Corrupt;
            }
        }

        if (length >= 0 && chunk.Length != length)
        {
            chunk.Release();
            chunk = null;
            return ReadOutcome.WrongLength;
        }

        return touchedDisk ? ReadOutcome.FromDisk : ReadOutcome.FromMemory;
    }

    /// <summary>Whether the chunk that the key table names so is there and whole; its plain bytes, or 0.</summary>
    /// <remarks>
    /// Only the first eight bytes of its digest are known, but for one bit: those are what is looked for, and what is compared with the digest
    /// of the bytes found.
    /// </remarks>
    public int Check(LogSession session, ulong fingerprint)
    {
        foreach (var firstBytes in (ReadOnlySpan<ulong>)[fingerprint, fingerprint | 1])
        {
            Find(session, ChunkKey.Any(firstBytes), ChunkValueLength.UnknownLength, fromDisk: true);
            if (session.Functions.TakeFound() is { } chunk)
            {
                var isWhole = session.Reads.Failure is null && ChunkKey.From(ChunkId.Compute(chunk.Span)).FirstBytes == firstBytes;
                var length = chunk.Length;
                chunk.Release();
                if (isWhole)
                {
                    return length;
                }
            }
        }

        return 0;
    }

    /// <summary>Asks FASTER; what it wants from the disk is caught, and read here, outside its epoch.</summary>
    /// <returns>Whether the record lies on the disk.</returns>
    private bool Find(LogSession session, ChunkKey key, int expectedBytes, bool fromDisk)
    {
        Empty none = default;
        bool touchedDisk;
        session.Reads.Arm(expectedBytes);
        try
        {
            touchedDisk = session.Session.Read(ref key, ref none, ref none).IsPending;
            var pending = touchedDisk;
            for (var step = 0; pending; step++)
            {
                if (step == StepsMax)
                {
                    throw new FasterException("a read does not end");
                }

                if (fromDisk)
                {
                    ReadFault?.Invoke();
                }

                session.Reads.Run(fromDisk);
                pending = !session.Session.CompletePending(wait: false);
            }
        }
        finally
        {
            DeferredReads.Disarm();
        }

        return touchedDisk;
    }

    /// <summary>Walks the records between two addresses.</summary>
    public IFasterScanIterator<ChunkKey, SpanByte> Scan(long from, long until) => _store.Log.Scan(from, until);
}
