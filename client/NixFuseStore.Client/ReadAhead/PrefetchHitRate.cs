namespace NixFuseStore.Client.ReadAhead;

/// <summary>
/// What became of things fetched ahead: bytes fetched and bytes read later, of late. One for all paths says what to expect of a new one; one for a
/// path or a file says what to expect there. Any thread; exact sums do not matter.
/// </summary>
internal sealed class PrefetchHitRate
{
    /// <summary>After so many bytes, half of what is older is forgotten.</summary>
    private const long MemoryBytes = 16 << 20;

    private long _fetched;
    private long _used;

    public void OnFetched(long bytes)
    {
        if (Interlocked.Add(ref _fetched, bytes) > MemoryBytes)
        {
            Volatile.Write(ref _fetched, Volatile.Read(ref _fetched) / 2);
            Volatile.Write(ref _used, Volatile.Read(ref _used) / 2);
        }
    }

    public void OnUsed(long bytes) => Interlocked.Add(ref _used, bytes);

    /// <summary>The share that was read, where <paramref name="weight"/> bytes of former experience say <paramref name="prior"/>.</summary>
    public double ShareRead(double prior, long weight) =>
        Math.Min((Volatile.Read(ref _used) + (prior * weight)) / (Volatile.Read(ref _fetched) + weight), 1);
}

/// <summary>What became of all that was fetched ahead, by why it was: one table for all paths of a reader. Any thread.</summary>
internal sealed class PrefetchHitRates
{
    private readonly PrefetchHitRate[] _rates = [.. Enum.GetValues<ReadAheadKind>().Select(static _ => new PrefetchHitRate())];

    public PrefetchHitRate this[ReadAheadKind kind] => _rates[(int)kind];
}
