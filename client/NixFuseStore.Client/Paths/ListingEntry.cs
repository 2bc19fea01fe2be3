using NixFuseStore.Content;

namespace NixFuseStore.Client.Paths;

/// <summary>A name in a listing.</summary>
/// <param name="BaseName">The base name, well-formed as a store path's.</param>
/// <param name="Kind">What the path's root is; the server's word, unless there is <see cref="Content"/>.</param>
public readonly record struct ListingEntry(string BaseName, EntryKind Kind)
{
    /// <summary>What a trusted key has signed of the path, its kind too; null where nothing is signed.</summary>
    public ListedContent? Content { get; init; }
}

/// <summary>What a listing says of a path, signed: enough for its attributes, and for a node id that stands for just this content.</summary>
/// <param name="Digest">The digest of the path's manifest.</param>
/// <param name="EntryCount">Files, directories and links in the path, itself among them.</param>
/// <param name="IsExecutable">Whether the path's root is an executable file.</param>
/// <param name="Size">Bytes of the root, where it is a file, or of the target of the symbolic link; 0 for a directory.</param>
public sealed record ListedContent(ManifestDigest Digest, int EntryCount, bool IsExecutable, ulong Size);
