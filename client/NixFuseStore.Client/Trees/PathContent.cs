using NixFuseStore.Client.ReadAhead;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Trees;

/// <summary>What is needed to read a path's content stream, while it is in memory. All members may be used from any thread.</summary>
internal sealed class PathContent(PathHandle handle, ChunkList chunks, BlankList? blanks)
{
    private const byte Read = 0x80;
    private const byte Expected = 0x40;
    private const byte Reported = 0x20;
    private const byte KindMask = 0x07;

    // A byte a chunk. Written without a lock: at worst a chunk is counted twice.
    private readonly byte[] _marks = new byte[chunks.Count];

    // Files that were read from their start. Guarded by itself.
    private readonly HashSet<int> _started = [];

    public PathHandle Handle { get; } = handle;

    public ChunkList Chunks { get; } = chunks;

    /// <summary>Null where nothing in the stream is blanked.</summary>
    public BlankList? Blanks { get; } = blanks;

    public ReadAheadState ReadAhead { get; } = new();

    public CoAccessedFiles Companions { get; } = new();

    public long MemoryBytes =>
        Handle.Header.GetLength(ManifestSection.Chunks) + (2L * Handle.Header.GetLength(ManifestSection.Blanks)) + _marks.Length + 256;

    /// <summary>Notes that a chunk was fetched before a reader asked.</summary>
    public void MarkFetchedAhead(int ordinal, ReadAheadKind kind) => _marks[ordinal] = (byte)((_marks[ordinal] & ~KindMask) | (byte)kind);

    /// <summary>Notes that a chunk was read; true the first time.</summary>
    /// <param name="ordinal">The chunk.</param>
    /// <param name="kind">Why it had been fetched ahead, if it had and is now read for the first time.</param>
    public bool MarkRead(int ordinal, out ReadAheadKind kind)
    {
        var mark = _marks[ordinal];
        _marks[ordinal] = (byte)(mark | Read);
        var isFirst = (mark & Read) == 0;
        kind = isFirst ? (ReadAheadKind)(mark & KindMask) : ReadAheadKind.None;
        return isFirst;
    }

    /// <summary>Notes that a chunk was asked for because other hosts read it.</summary>
    public void MarkExpected(int ordinal) => _marks[ordinal] |= Expected;

    /// <summary>Whether all of some chunks were asked for because other hosts read them.</summary>
    public bool AreExpected(int first, int count)
    {
        foreach (var mark in _marks.AsSpan(first, count))
        {
            if ((mark & Expected) == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Chunks that were read since this was last asked, in ascending order.</summary>
    /// <param name="bytesRead">Bytes of all chunks that were ever read.</param>
    public List<int> TakeUnreported(out long bytesRead)
    {
        var taken = new List<int>();
        bytesRead = 0;
        for (var ordinal = 0; ordinal < _marks.Length; ordinal++)
        {
            var mark = _marks[ordinal];
            if ((mark & Read) == 0)
            {
                continue;
            }

            bytesRead += Chunks.Length(ordinal);
            if ((mark & Reported) == 0)
            {
                _marks[ordinal] |= Reported;
                taken.Add(ordinal);
            }
        }

        return taken;
    }

    /// <summary>Notes that a file was read from its start; true the first time.</summary>
    public bool TryStart(int entry)
    {
        lock (_started)
        {
            return _started.Add(entry);
        }
    }
}
