namespace NixFuseStore.Client.Reading;

/// <summary>What read-ahead remembers of one big file.</summary>
internal sealed class ReadAheadFile
{
    public ReadAheadExperience Experience { get; } = new();

    /// <summary>Bytes around a place that were fetched last time; 0 before the first time.</summary>
    public long Window { get; set; }
}
