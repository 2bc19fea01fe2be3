namespace NixFuseStore.Client.Reading;

/// <summary>A range of the content stream that is worth fetching now; empty where start and end are the same.</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="Kind">Why.</param>
internal readonly record struct ReadAheadRange(long Start, long End, ReadAheadKind Kind)
{
    public bool IsEmpty => End <= Start;
}
