namespace NixFuseStore.Cache;

/// <summary>What a walk through all entries found.</summary>
/// <param name="Entries">Entries looked at, good and bad.</param>
/// <param name="Bytes">Plain bytes of the good ones.</param>
/// <param name="Bad">Entries whose bytes do not match their digest or cannot be read at all.</param>
/// <param name="Dropped">Bad entries that were dropped.</param>
public sealed record VerifyReport(long Entries, long Bytes, long Bad, long Dropped);
