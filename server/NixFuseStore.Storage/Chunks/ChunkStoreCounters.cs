namespace NixFuseStore.Storage.Chunks;

/// <summary>What a <see cref="ChunkStore"/> has done since it was opened.</summary>
/// <param name="PacksCreated">Packs begun.</param>
/// <param name="PacksSealed">Packs ended.</param>
/// <param name="Flushes">Flushes of packs to disk (fsync).</param>
/// <param name="ChunksStored">Chunks written.</param>
/// <param name="BytesStored">Bytes of them.</param>
/// <param name="Reads">Reads from packs.</param>
/// <param name="BytesRead">Bytes of them.</param>
public readonly record struct ChunkStoreCounters(
    long PacksCreated, long PacksSealed, long Flushes, long ChunksStored, long BytesStored, long Reads, long BytesRead);
