using NixFuseStore.Content;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>What a slot stands for: in one store, one path with one content, or one build log with one text.</summary>
/// <param name="Store">Which store.</param>
/// <param name="BaseName">The path's base name; of a log that of its derivation.</param>
/// <param name="Digest">Digest of the path's manifest; of a log the SHA-256 of its text.</param>
/// <param name="Kind">Path or log.</param>
internal readonly record struct NodeIdKey(Guid Store, string BaseName, ManifestDigest Digest, SlotKind Kind = SlotKind.Path);

/// <summary>A slot as it was given.</summary>
/// <param name="Number">The slot, from 1.</param>
/// <param name="FirstInode">Inode number shown for entry 0; the entries follow. 0: there was no room below 2^32, and node ids are shown.</param>
internal readonly record struct Slot(uint Number, uint FirstInode)
{
    /// <summary>The inode number that programs see for an entry.</summary>
    public ulong InodeOf(int entry) => FirstInode == 0 ? new NodeId(Number, entry).Value : FirstInode + (ulong)(uint)entry;
}

/// <summary>Kinds of records in a node id file.</summary>
internal enum SlotKind : byte
{
    /// <summary>No slot: up to where numbers were given.</summary>
    Numbers = 0,

    /// <summary>A store path.</summary>
    Path = 1,

    /// <summary>A build log.</summary>
    Log = 2,
}
