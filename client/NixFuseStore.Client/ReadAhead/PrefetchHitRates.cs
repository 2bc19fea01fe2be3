namespace NixFuseStore.Client.ReadAhead;

/// <summary>What became of all that was fetched ahead, by why it was: one table for all paths of a reader. Any thread.</summary>
internal sealed class PrefetchHitRates
{
    private readonly PrefetchHitRate[] _rates = [.. Enum.GetValues<ReadAheadKind>().Select(static _ => new PrefetchHitRate())];

    public PrefetchHitRate this[ReadAheadKind kind] => _rates[(int)kind];
}
