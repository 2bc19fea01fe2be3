using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Pending;

/// <summary>A path that is valid here and not registered yet, with all its content.</summary>
/// <param name="Handle">As all see it; its tree and content are in memory.</param>
/// <param name="Chunks">Its chunks; each with a reference of ours.</param>
/// <param name="Sections">Its manifest sections, as they travel.</param>
internal sealed record PendingPath(PathHandle Handle, IReadOnlyDictionary<ChunkId, ChunkBuffer> Chunks, IReadOnlyList<Section> Sections);
