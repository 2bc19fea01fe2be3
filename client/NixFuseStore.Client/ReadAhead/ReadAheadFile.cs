namespace NixFuseStore.Client.ReadAhead;

/// <summary>What read-ahead remembers of one big file.</summary>
internal sealed class ReadAheadFile
{
    public PrefetchHitRate HitRate { get; } = new();

    /// <summary>Bytes around a place that were fetched last time; 0 before the first time.</summary>
    public long Window { get; set; }
}
