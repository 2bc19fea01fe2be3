namespace NixFuseStore.Client.Prefetch;

/// <summary>How far a prefetch is. Bytes are plain bytes of distinct chunks.</summary>
/// <param name="Paths">Paths asked for.</param>
/// <param name="BytesTotal">Bytes of all chunks of the paths.</param>
/// <param name="BytesPresent">Bytes that were in the cache already.</param>
/// <param name="BytesFetched">Bytes fetched so far.</param>
public readonly record struct PrefetchProgress(int Paths, long BytesTotal, long BytesPresent, long BytesFetched);
