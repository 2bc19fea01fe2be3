namespace NixFuseStore.Client.Metadata;

/// <summary>Where an entry is: in memory until it was written, then in a log.</summary>
/// <param name="Pending">The payload while it waits for the writer (or for good, where there is no disk).</param>
/// <param name="Log">The log that holds it.</param>
/// <param name="Position">The payload's position in the log.</param>
/// <param name="Length">Bytes of the payload.</param>
/// <param name="Used">Whether it was read since it was written: such entries survive the rotation of their log once.</param>
internal readonly record struct MetadataEntry(byte[]? Pending, MetadataLog? Log, long Position, int Length, bool Used);
