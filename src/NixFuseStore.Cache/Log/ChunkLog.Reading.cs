using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Cache.Keys;
using NixFuseStore.Content;

namespace NixFuseStore.Cache.Log;

internal sealed partial class ChunkLog
{
    /// <summary>A chunk that is moved again and again while it is read is given up; it takes an eviction each time.</summary>
    private const int AttemptsMax = 4;

    /// <summary>For tests: runs before each disk read of a chunk that is asked for, on the reading thread.</summary>
    public Action? ReadFault { get; set; }

    /// <summary>Why the disk did not give a chunk, the last time it did not.</summary>
    public Exception? LastReadFailure { get; private set; }

    /// <summary>Reads one chunk on this thread.</summary>
    /// <param name="id">The chunk.</param>
    /// <param name="length">Its plain bytes; negative when not known.</param>
    /// <param name="fromDisk">Whether the disk may be read.</param>
    /// <param name="chunk">The chunk, the caller's; null unless the outcome is one of the two that found it.</param>
    public ReadOutcome Read(in ChunkId id, int length, bool fromDisk, out ChunkBuffer? chunk)
    {
        var fingerprint = KeyTable.Fingerprint(id);
        chunk = null;
        for (var attempt = 0; attempt < AttemptsMax && Keys.TryFind(fingerprint, out var place); attempt++)
        {
            // 1. Memory.
            if (length >= 0 && length != place.Length)
            {
                return ReadOutcome.WrongLength;
            }

            if (_recent.TryGet(place.Address, out var recentId, out chunk))
            {
                if (recentId == id)
                {
                    return ReadOutcome.FromMemory;
                }

                // Another chunk with the same fingerprint.
                chunk.Release();
                chunk = null;
                return ReadOutcome.Missing;
            }

            if (!fromDisk)
            {
                return ReadOutcome.OnDisk;
            }

            // 2. Disk.
            ReadFault?.Invoke();
            var outcome = ReadFromDisk(in place, out chunk, out var found, out var failure);
            if (outcome == ReadOutcome.FromDisk && found == id)
            {
                return outcome;
            }

            chunk?.Release();
            chunk = null;
            if (_disposed)
            {
                return ReadOutcome.Missing;
            }

            // 3. An eviction may have moved it meanwhile; then what was read says nothing.
            if (Keys.TryFind(fingerprint, out var now) && now == place)
            {
                LastReadFailure = failure ?? LastReadFailure;
                return outcome == ReadOutcome.FromDisk ? ReadOutcome.Corrupt : outcome;
            }
        }

        return ReadOutcome.Missing;
    }

    /// <summary>Reads a chunk of which only the fingerprint is known, which the digest of the bytes found must have.</summary>
    /// <param name="entry">The chunk.</param>
    /// <param name="id">Its name.</param>
    /// <param name="chunk">The chunk, the caller's.</param>
    /// <param name="failure">Why the disk did not give it; null where it did.</param>
    /// <returns>Whether it is there and whole.</returns>
    public bool TryReadWhole(in KeyEntry entry, out ChunkId id, [NotNullWhen(true)] out ChunkBuffer? chunk, out Exception? failure)
    {
        failure = null;
        if (!_recent.TryGet(entry.Place.Address, out id, out chunk))
        {
            ReadFromDisk(entry.Place, out chunk, out id, out failure);
        }

        if (chunk is not null && KeyTable.Fingerprint(id) == entry.Fingerprint)
        {
            return true;
        }

        chunk?.Release();
        chunk = null;
        return false;
    }

    /// <summary>One request to the disk, straight into the chunk's memory, and the digest of what came.</summary>
    private ReadOutcome ReadFromDisk(in ChunkPlace place, out ChunkBuffer? chunk, out ChunkId id, out Exception? failure)
    {
        id = default;
        failure = null;
        chunk = ChunkBuffer.Allocate(place.Length);
        TouchPages(chunk.Span);
        var outcome = ReadOutcome.Unwritten;
        try
        {
            if (_log.Read(place.Address, chunk.Span) == place.Length && !_log.IsUnwritten(place.Address, place.End))
            {
                id = ChunkId.Compute(chunk.Span);
                return ReadOutcome.FromDisk;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            failure = e;
            outcome = ReadOutcome.Unreadable;
        }

        chunk.Release();
        chunk = null;
        return outcome;
    }

    /// <summary>
    /// Makes the kernel give memory for the buffer now. A page that is missing while the kernel copies into it costs the lock of the whole address
    /// space, for which all readers then wait (measured: a tenth less with 16 readers).
    /// </summary>
    private static void TouchPages(Span<byte> buffer)
    {
        for (var i = 0; i < buffer.Length; i += Environment.SystemPageSize)
        {
            Volatile.Write(ref buffer[i], 0);
        }
    }
}
