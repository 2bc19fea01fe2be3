namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>A piece of a file.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct FileRange(long Offset, long Length)
{
    public long End => Offset + Length;
}
