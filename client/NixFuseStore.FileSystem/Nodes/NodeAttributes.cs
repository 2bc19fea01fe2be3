using NixFuseStore.Content;
using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>Attributes of files and directories as Nix canonicalises them: root:root, 0444 or 0555, second 1 of 1970.</summary>
internal static class NodeAttributes
{
    /// <summary>What Nix sets every mtime to; 0 would upset programs that take it for "never".</summary>
    public const ulong CanonicalSeconds = 1;

    private const uint ReadOnlyMode = 0x124; // 0444
    private const uint ExecutableMode = 0x16D; // 0555
    private const uint LinkMode = 0x1FF; // 0777, as Linux shows every symbolic link
    private const uint DirectoryBytes = 4096;
    private const uint SectorBytes = 512;

    public static FuseAttr OfRoot(NodeId node, ManifestHeader header)
        => Of(node, header.RootKind, header.RootIsExecutable, header.RootSize);

    public static FuseAttr OfEntry(NodeId node, ManifestTree tree)
        => Of(node, tree.Kind(node.Entry), tree.IsExecutable(node.Entry), tree.Size(node.Entry));

    public static FuseAttr OfFixedDirectory(ulong node)
        => Of(new NodeId(node), EntryKind.Directory, isExecutable: false, size: 0);

    public static FuseAttr OfFixedFile(ulong node, ulong size)
        => Of(new NodeId(node), EntryKind.Regular, isExecutable: false, size);

    public static uint ModeOf(EntryKind kind, bool isExecutable) => kind switch
    {
        EntryKind.Directory => FuseMode.Directory | ExecutableMode,
        EntryKind.Symlink => FuseMode.SymbolicLink | LinkMode,
        _ => FuseMode.Regular | (isExecutable ? ExecutableMode : ReadOnlyMode),
    };

    private static FuseAttr Of(NodeId node, EntryKind kind, bool isExecutable, ulong size)
    {
        var shown = kind == EntryKind.Directory ? DirectoryBytes : size;
        return new FuseAttr
        {
            Inode = node.Value,
            Size = shown,
            Blocks = (shown + SectorBytes - 1) / SectorBytes,
            AccessSeconds = CanonicalSeconds,
            ModifySeconds = CanonicalSeconds,
            ChangeSeconds = CanonicalSeconds,
            Mode = ModeOf(kind, isExecutable),
            // Directories too: 1 means "subdirectories are not counted", as on btrfs, and tells find not to infer anything from it.
            Links = 1,
        };
    }
}
