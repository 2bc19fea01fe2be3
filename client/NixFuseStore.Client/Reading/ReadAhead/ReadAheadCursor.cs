namespace NixFuseStore.Client.Reading;

/// <summary>One place in the stream where somebody reads on and on.</summary>
internal struct ReadAheadCursor
{
    /// <summary>Where the next read is expected.</summary>
    public long Next;

    /// <summary>Up to where the stream was asked for ahead of the reader.</summary>
    public long AheadEnd;

    /// <summary>Bytes to keep ahead of the reader.</summary>
    public long Window;

    /// <summary>Reads in a row that came where they were expected.</summary>
    public int Run;

    /// <summary>Value of the clock at the last of them.</summary>
    public uint UsedAt;
}
