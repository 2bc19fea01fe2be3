using NixFuseStore.Client.Trees;

namespace NixFuseStore.Client.Paths;

/// <summary>Forgets paths that were not used for a while, and gives their memory back to the system.</summary>
internal sealed class IdlePathTrimmer : IAsyncDisposable
{
    /// <summary>Paths that stay in memory though nothing has asked for them lately; a handle with its manifest open takes about 10 KiB.</summary>
    private const int IdlePathsKept = 1024;

    /// <summary>With so many paths forgotten, it is worth the pause of a collection (some 20 ms) to give their memory back to the system.</summary>
    private const int CollectedPathsMin = 1000;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly PathTable _table;
    private readonly ContentMemory _contents;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    public IdlePathTrimmer(PathTable table, ContentMemory contents, TimeProvider time)
    {
        _table = table;
        _contents = contents;
        _time = time;
    }

    public void Start() => _loop = RunAsync();

    /// <summary>Forgets paths that were not used for a while, and that the file system does not hold.</summary>
    /// <returns>How many.</returns>
    public int Trim()
    {
        var dropped = _table.Trim(IdlePathsKept);
        if (dropped.Count > 0)
        {
            _contents.Release(dropped);
        }

        return dropped.Count;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var forgotten = 0;
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(Interval, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                var dropped = Trim();
                forgotten += dropped;
                if (dropped == 0 && forgotten >= CollectedPathsMin)
                {
                    // Only when it is over.
                    forgotten = 0;
                    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                }
            }
            catch (Exception)
            {
                // Whatever it is, it is tried again: memory that is not given back is no reason to stop.
            }
        }
    }
}
