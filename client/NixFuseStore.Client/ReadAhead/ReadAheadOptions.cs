namespace NixFuseStore.Client.ReadAhead;

/// <summary>The figures of <see cref="ReadAheadPolicy"/>, to be tuned by benchmark.</summary>
internal sealed record ReadAheadOptions
{
    /// <summary>Files of at least this many bytes are read in parts; smaller ones wholly, with neighbours.</summary>
    public long BigFileBytes { get; init; } = 512 << 10;

    /// <summary>Least bytes fetched around a miss among small files.</summary>
    public long NearWindowMin { get; init; } = 64 << 10;

    /// <summary>Most bytes fetched around a miss among small files.</summary>
    public long NearWindowMax { get; init; } = 512 << 10;

    /// <summary>Least bytes fetched around a miss in a big file.</summary>
    public long AroundMin { get; init; } = 128 << 10;

    /// <summary>Bytes fetched around the first miss in a big file.</summary>
    public long AroundFirst { get; init; } = 1 << 20;

    /// <summary>Most bytes fetched around a miss in a big file.</summary>
    public long AroundMax { get; init; } = 4 << 20;

    /// <summary>Most bytes that are kept ahead of a sequential reader.</summary>
    public long SequentialMax { get; init; } = 8 << 20;

    /// <summary>A read this far from the expected place still counts as sequential: kernels skip what they have.</summary>
    public long SequentialSlack { get; init; } = 32 << 10;

    /// <summary>The same within a file: kernels read ahead in several requests at once, which may overtake each other.</summary>
    public long SequentialFileSlack { get; init; } = 256 << 10;

    /// <summary>Files read wholly, one after the other, that let read-ahead go on behind the end of a big file, and of the path.</summary>
    public int WholeFilesRun { get; init; } = 2;

    /// <summary>Reads in a row that make a sequential reader.</summary>
    public int SequentialRun { get; init; } = 3;

    /// <summary>What is expected of read-ahead before anything is known.</summary>
    public double HitRatePrior { get; init; } = 0.5;

    /// <summary>Bytes of a file's or path's own experience that count as much as what is known of all others.</summary>
    public long PriorBytes { get; init; } = 512 << 10;

    /// <summary>What is expected of the next path before anything is known: who has read whole files so far usually goes on.</summary>
    public double NextPathPrior { get; init; } = 0.75;

    /// <summary>Bytes of experience with next paths that count as much as that.</summary>
    public long NextPathPriorBytes { get; init; } = 1 << 20;

    /// <summary>Bounds of the share that must be read for read-ahead to pay; in between, the link decides.</summary>
    public double WorthMin { get; init; } = 0.15;

    /// <summary>See <see cref="WorthMin"/>.</summary>
    public double WorthMax { get; init; } = 0.6;
}
