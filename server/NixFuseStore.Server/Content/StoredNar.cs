using NixFuseStore.Content;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>All that it takes to write a path's NAR out again, but for the chunks' bytes.</summary>
/// <param name="Header">The manifest's header.</param>
/// <param name="Tree">What the NAR frames.</param>
/// <param name="Chunks">The chunks of the content stream.</param>
/// <param name="Blanks">Where store hashes have to be put back.</param>
/// <param name="Places">Where each chunk lies, by ordinal.</param>
internal sealed record StoredNar(
    ManifestHeader Header, ManifestTree Tree, ChunkList Chunks, BlankList Blanks, IReadOnlyList<ChunkLocation> Places);
