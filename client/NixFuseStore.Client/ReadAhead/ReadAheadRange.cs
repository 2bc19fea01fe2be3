namespace NixFuseStore.Client.ReadAhead;

/// <summary>A range of the content stream that is worth fetching now; empty where start and end are the same.</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="Kind">Why.</param>
/// <param name="Beyond">Bytes that the reader is expected to read behind the end of the stream: of the paths that come next.</param>
internal readonly record struct ReadAheadRange(long Start, long End, ReadAheadKind Kind, long Beyond = 0)
{
    public bool IsEmpty => End <= Start;
}
