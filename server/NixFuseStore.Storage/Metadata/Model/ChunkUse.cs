using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata;

/// <summary>What a client read of a path.</summary>
/// <param name="Manifest">The path's manifest.</param>
/// <param name="Chunks">Ascending, none touching another.</param>
/// <param name="Continued">The client has told of the path before; this comes in addition.</param>
public sealed record ChunkUse(ManifestDigest Manifest, IReadOnlyList<ChunkRun> Chunks, bool Continued);
