namespace NixFuseStore.Storage.Chunks;

/// <summary>What became of an upload.</summary>
/// <param name="Received">Chunks given.</param>
/// <param name="Stored">Those that were not there yet.</param>
/// <param name="StoredBytes">Bytes of them in packs.</param>
public readonly record struct StoreChunksResult(int Received, int Stored, long StoredBytes);
