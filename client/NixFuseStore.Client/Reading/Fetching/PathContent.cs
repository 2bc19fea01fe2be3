using NixFuseStore.Content;

namespace NixFuseStore.Client.Reading;

/// <summary>What is needed to read a path's content stream, while it is in memory. All members may be used from any thread.</summary>
internal sealed class PathContent(PathHandle handle, ChunkList chunks, BlankList? blanks)
{
    private const byte FetchedAhead = 1;
    private const byte Read = 2;

    // A byte a chunk. Written without a lock: at worst a chunk is counted twice.
    private readonly byte[] _marks = new byte[chunks.Count];

    public PathHandle Handle { get; } = handle;

    public ChunkList Chunks { get; } = chunks;

    /// <summary>Null where nothing in the stream is blanked.</summary>
    public BlankList? Blanks { get; } = blanks;

    public ReadAheadState ReadAhead { get; } = new();

    public long MemoryBytes =>
        Handle.Header.GetLength(ManifestSection.Chunks) + (2L * Handle.Header.GetLength(ManifestSection.Blanks)) + _marks.Length + 256;

    /// <summary>Notes that a chunk was fetched before anybody asked.</summary>
    public void MarkFetchedAhead(int ordinal) => _marks[ordinal] |= FetchedAhead;

    /// <summary>Notes that chunks were read.</summary>
    /// <param name="first">First ordinal.</param>
    /// <param name="count">Chunks.</param>
    /// <param name="firstReads">How many of them were read for the first time.</param>
    /// <returns>Plain bytes of those among them that had been fetched ahead and are now read for the first time.</returns>
    public long MarkRead(int first, int count, out int firstReads)
    {
        var used = 0L;
        firstReads = 0;
        for (var i = first; i < first + count; i++)
        {
            var mark = _marks[i];
            if ((mark & Read) == 0)
            {
                _marks[i] = (byte)(mark | Read);
                firstReads++;
                used += (mark & FetchedAhead) != 0 ? Chunks.Length(i) : 0;
            }
        }

        return used;
    }

    /// <summary>Whether a chunk was read before.</summary>
    public bool WasRead(int ordinal) => (_marks[ordinal] & Read) != 0;
}
