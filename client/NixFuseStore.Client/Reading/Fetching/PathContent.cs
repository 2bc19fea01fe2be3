using NixFuseStore.Content;

namespace NixFuseStore.Client.Reading;

/// <summary>What is needed to read a path's content stream, while it is in memory. All members may be used from any thread.</summary>
internal sealed class PathContent(PathHandle handle, ChunkList chunks, BlankList? blanks)
{
    private const byte Read = 0x80;
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

    public CompanionFiles Companions { get; } = new();

    public long MemoryBytes =>
        Handle.Header.GetLength(ManifestSection.Chunks) + (2L * Handle.Header.GetLength(ManifestSection.Blanks)) + _marks.Length + 256;

    /// <summary>Notes that a chunk was fetched before anybody asked.</summary>
    public void MarkFetchedAhead(int ordinal, ReadAheadKind kind) => _marks[ordinal] = (byte)((_marks[ordinal] & ~KindMask) | (byte)kind);

    /// <summary>Notes that a chunk was read.</summary>
    /// <returns>Why it had been fetched ahead, if it had and is now read for the first time.</returns>
    public ReadAheadKind MarkRead(int ordinal)
    {
        var mark = _marks[ordinal];
        if ((mark & Read) != 0)
        {
            return ReadAheadKind.None;
        }

        _marks[ordinal] = (byte)(mark | Read);
        return (ReadAheadKind)(mark & KindMask);
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
