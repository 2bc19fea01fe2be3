namespace NixFuseStore.Client.Reading;

/// <summary>What read-ahead remembers of one path. All members may be used from any thread.</summary>
internal sealed class ReadAheadState
{
    /// <summary>Places in the stream that are followed at the same time: a few readers of one path.</summary>
    public const int CursorsMax = 4;

    private long _fetched;
    private long _used;

    /// <summary>Guards the cursors and the window.</summary>
    public Lock Gate { get; } = new();

    public ReadAheadCursor[] Cursors { get; } = new ReadAheadCursor[CursorsMax];

    /// <summary>Counts accesses, to find the cursor that rested longest.</summary>
    public uint Clock { get; set; }

    /// <summary>Bytes around a miss that were worth it last time; 0 before anything is known.</summary>
    public long Window { get; set; }

    /// <summary>Share of what was fetched ahead that was read later; 1 before anything is known.</summary>
    public double Usefulness
    {
        get
        {
            var fetched = Volatile.Read(ref _fetched);
            return fetched == 0 ? 1 : (double)Volatile.Read(ref _used) / fetched;
        }
    }

    /// <summary>Bytes were fetched that nobody had asked for.</summary>
    public void OnFetched(long bytes) => Interlocked.Add(ref _fetched, bytes);

    /// <summary>Bytes that had been fetched ahead were read.</summary>
    public void OnUsed(long bytes) => Interlocked.Add(ref _used, bytes);
}
