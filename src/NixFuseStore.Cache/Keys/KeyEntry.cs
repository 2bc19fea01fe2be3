namespace NixFuseStore.Cache.Keys;

/// <summary>One chunk of a <see cref="KeyTable"/>.</summary>
/// <param name="Fingerprint">Its name there.</param>
/// <param name="IsUsed">Whether it was used since it was last asked.</param>
/// <param name="Place">Where it lies.</param>
internal readonly record struct KeyEntry(ulong Fingerprint, bool IsUsed, ChunkPlace Place);
