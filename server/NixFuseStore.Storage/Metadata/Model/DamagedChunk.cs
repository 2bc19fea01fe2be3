using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A chunk whose stored bytes are not what they should be.</summary>
/// <param name="Id">The chunk.</param>
/// <param name="Location">Where it lay.</param>
/// <param name="PackName">The name of that pack's object; empty where there is no such pack.</param>
/// <param name="Paths">Valid paths of all stores that need it.</param>
public sealed record DamagedChunk(ChunkId Id, ChunkLocation Location, string PackName, IReadOnlyList<StorePath> Paths);

/// <summary>A chunk of a manifest and its place.</summary>
/// <param name="Id">The chunk.</param>
/// <param name="Location">Where it lies, or lay.</param>
/// <param name="IsIndexed">Whether the index has it there; it is missing otherwise.</param>
public readonly record struct LocatedChunk(ChunkId Id, ChunkLocation Location, bool IsIndexed);

/// <summary>A part of a check of metadata.</summary>
/// <param name="Last">Where the next part begins; null at the end.</param>
/// <param name="Sections">Sections that were read.</param>
/// <param name="Faults">What is wrong, a line each.</param>
/// <param name="Unindexed">Chunks that valid manifests need and the index has not, with the places where they were remembered to be.</param>
public sealed record MetadataCheck(long? Last, int Sections, IReadOnlyList<string> Faults, IReadOnlyList<IndexedChunk> Unindexed);
