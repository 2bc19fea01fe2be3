namespace NixFuseStore.Native.Files;

/// <summary>What statx says of a file, as far as archives want it. Two equal values of one file mean that nothing was written in between.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="OwnerMayExecute">The owner's execute bit.</param>
/// <param name="Size">Bytes.</param>
/// <param name="ModifiedSeconds">Last write, seconds since 1970.</param>
/// <param name="ModifiedNanoseconds">And nanoseconds.</param>
public readonly record struct FileStatus(FileKind Kind, bool OwnerMayExecute, ulong Size, long ModifiedSeconds, uint ModifiedNanoseconds);
