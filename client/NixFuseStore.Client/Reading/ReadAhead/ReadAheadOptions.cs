namespace NixFuseStore.Client.Reading;

/// <summary>The figures of <see cref="ReadAheadPolicy"/>, to be tuned by benchmark.</summary>
internal sealed record ReadAheadOptions
{
    /// <summary>Files of at least this many bytes are read in parts; smaller ones wholly, with neighbours.</summary>
    public long BigFileBytes { get; init; } = 1 << 20;

    /// <summary>Least bytes fetched around a miss among small files.</summary>
    public long NearWindowMin { get; init; } = 128 << 10;

    /// <summary>Most bytes fetched around a miss among small files.</summary>
    public long NearWindowMax { get; init; } = 4 << 20;

    /// <summary>Bytes fetched before a miss in a big file.</summary>
    public long BigBehind { get; init; } = 64 << 10;

    /// <summary>Bytes fetched behind a miss in a big file, to begin with.</summary>
    public long BigAheadMin { get; init; } = 128 << 10;

    /// <summary>Most bytes fetched behind a miss in a big file.</summary>
    public long BigAheadMax { get; init; } = 4 << 20;

    /// <summary>Most bytes that are kept ahead of a sequential reader.</summary>
    public long SequentialMax { get; init; } = 8 << 20;

    /// <summary>A read this far behind the expected place still counts as sequential: kernels skip what they have.</summary>
    public long SequentialSlack { get; init; } = 256 << 10;

    /// <summary>With a greater share of read-ahead used, windows double; below half of it, they halve.</summary>
    public double UsefulnessGood { get; init; } = 0.5;
}
