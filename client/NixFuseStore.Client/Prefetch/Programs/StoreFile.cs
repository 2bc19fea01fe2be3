using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>A file inside a store path.</summary>
/// <param name="Handle">The path.</param>
/// <param name="Tree">Its tree.</param>
/// <param name="Entry">Index in the tree.</param>
internal readonly record struct StoreFile(PathHandle Handle, ManifestTree Tree, int Entry);
