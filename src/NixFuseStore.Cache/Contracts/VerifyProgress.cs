namespace NixFuseStore.Cache;

/// <summary>How far a walk through all entries is.</summary>
/// <param name="Entries">Entries looked at so far.</param>
/// <param name="Bytes">Bytes of the log walked so far.</param>
/// <param name="BytesTotal">Bytes of the log to walk.</param>
/// <param name="Bad">Bad entries so far.</param>
public readonly record struct VerifyProgress(long Entries, long Bytes, long BytesTotal, long Bad);
