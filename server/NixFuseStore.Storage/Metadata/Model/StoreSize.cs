namespace NixFuseStore.Storage.Metadata;

/// <summary>How large a store is.</summary>
/// <param name="Paths">Valid paths.</param>
/// <param name="NarBytes">Bytes of their NARs together; what they take on disk is less.</param>
public readonly record struct StoreSize(long Paths, long NarBytes);
