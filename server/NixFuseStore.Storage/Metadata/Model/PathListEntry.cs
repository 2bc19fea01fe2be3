using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>One line of a listing.</summary>
/// <param name="Path">The base name.</param>
/// <param name="RootKind">What the store path itself is.</param>
/// <param name="RootIsExecutable">Whether it is an executable file.</param>
/// <param name="RootSize">Bytes of the file or of the symlink's target; 0 for a directory.</param>
/// <param name="NarSize">Bytes of the NAR.</param>
/// <param name="EntryCount">Files, directories and links in it, itself among them.</param>
/// <param name="Manifest">The digest of its manifest.</param>
public readonly record struct PathListEntry(StorePath Path, EntryKind RootKind, bool RootIsExecutable, ulong RootSize, ulong NarSize, int EntryCount, ManifestDigest Manifest);
