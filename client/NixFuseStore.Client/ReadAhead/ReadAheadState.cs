namespace NixFuseStore.Client.ReadAhead;

/// <summary>What read-ahead remembers of one path. All members may be used from any thread.</summary>
internal sealed class ReadAheadState
{
    /// <summary>Places in the stream that are followed at the same time: a few readers of one path.</summary>
    public const int CursorsMax = 8;

    /// <summary>Big files remembered apart; with more, the memory begins anew.</summary>
    private const int FilesMax = 64;

    private readonly Dictionary<long, ReadAheadFile> _files = [];

    /// <summary>Guards the cursors, the window and the files.</summary>
    public Lock Gate { get; } = new();

    public ReadAheadCursor[] Cursors { get; } = new ReadAheadCursor[CursorsMax];

    /// <summary>Counts accesses, to find the cursor that rested longest.</summary>
    public uint Clock { get; set; }

    /// <summary>Bytes around a small file that were fetched last time; 0 before the first time.</summary>
    public long Window { get; set; }

    /// <summary>What became of the siblings of small files.</summary>
    public PrefetchHitRate Siblings { get; } = new();

    /// <summary>A big file, by where it begins in the stream. Under the lock.</summary>
    public ReadAheadFile File(long fileStart)
    {
        if (!_files.TryGetValue(fileStart, out var file))
        {
            if (_files.Count >= FilesMax)
            {
                _files.Clear();
            }

            _files.Add(fileStart, file = new ReadAheadFile());
        }

        return file;
    }
}
