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

    /// <summary>Reads one chunk on this thread.</summary>
    /// <param name="session">The thread's session.</param>
    /// <param name="id">The chunk.</param>
    /// <param name="length">Its plain bytes; negative when not known.</param>
    /// <param name="fromDisk">Whether the disk may be read.</param>
    /// <param name="chunk">The chunk, the caller's; null unless the outcome is one of the two that found it.</param>
    /// <exception cref="FasterException">The log is beyond repair.</exception>
    public ReadOutcome Read(LogSession session, in ChunkId id, int length, bool fromDisk, out ChunkBuffer? chunk)
    {
        // 1. Ask FASTER. What it wants from the disk is caught, and read here, outside its epoch.
        var key = ChunkKey.From(id);
        Empty none = default;
        bool touchedDisk;
        session.Reads.Arm(!fromDisk ? 0 : length >= 0 ? Math.Min(length, _geometry.ChunkBytesMax) : ChunkValueLength.UnknownLength);
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

        // 2. Is it what was asked for?
        chunk = session.Functions.TakeFound();
        if (touchedDisk && !fromDisk)
        {
            chunk?.Release();
            chunk = null;
            return ReadOutcome.OnDisk;
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

    /// <summary>Walks the records between two addresses.</summary>
    public IFasterScanIterator<ChunkKey, SpanByte> Scan(long from, long until) => _store.Log.Scan(from, until);
}
