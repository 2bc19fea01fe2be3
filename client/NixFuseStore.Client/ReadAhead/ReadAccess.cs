namespace NixFuseStore.Client.ReadAhead;

/// <summary>One read, in positions of the content stream (bytes).</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="FileStart">First byte of the file.</param>
/// <param name="FileEnd">Behind the last byte of the file.</param>
/// <param name="NearStart">Where the content begins that lies together with the file: that of its directory's files.</param>
/// <param name="NearEnd">Where that content ends.</param>
/// <param name="Missed">Whether the reader has to wait for bytes that were not in memory.</param>
internal readonly record struct ReadAccess(long Start, long End, long FileStart, long FileEnd, long NearStart, long NearEnd, bool Missed)
{
    public long FileLength => FileEnd - FileStart;
}
