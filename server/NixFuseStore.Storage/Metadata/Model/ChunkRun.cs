namespace NixFuseStore.Storage.Metadata;

/// <summary>Chunks that follow each other in a manifest.</summary>
/// <param name="First">Ordinal of the first.</param>
/// <param name="Count">At least 1.</param>
public readonly record struct ChunkRun(int First, int Count);
