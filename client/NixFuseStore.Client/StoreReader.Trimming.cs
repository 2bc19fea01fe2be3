namespace NixFuseStore.Client;

/// <content>Giving memory back.</content>
public sealed partial class StoreReader
{
    /// <summary>Paths that stay in memory though nothing has asked for them lately; a handle with its manifest open takes about 10 KiB.</summary>
    private const int IdlePathsKept = 1024;

    /// <summary>With so many paths forgotten, it is worth the pause of a collection (some 20 ms) to give their memory back to the system.</summary>
    private const int CollectedPathsMin = 1000;

    private static readonly TimeSpan TrimInterval = TimeSpan.FromSeconds(30);

    private Task _trimming = Task.CompletedTask;

    /// <summary>Forgets paths that were not used for a while, and that the file system does not hold.</summary>
    /// <returns>How many.</returns>
    internal int Trim()
    {
        var dropped = _table.Trim(IdlePathsKept);
        if (dropped.Count > 0)
        {
            _contentMemory.Release(dropped);
        }

        return dropped.Count;
    }

    private async Task TrimLoopAsync()
    {
        var forgotten = 0;
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(TrimInterval, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
