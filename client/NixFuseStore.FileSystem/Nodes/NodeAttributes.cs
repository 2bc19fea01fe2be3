using System.Numerics;
using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Trees;
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
    private const uint MadeUpBit = 1u << 31;

    public static FuseAttr OfRoot(PathHandle handle)
        => Of(InodeOf(handle, 0), handle.Header.RootKind, handle.Header.RootIsExecutable, handle.Header.RootSize);

    /// <summary>Of a path that is known from a signed listing alone.</summary>
    public static FuseAttr OfListed(in Slot slot, EntryKind kind, ListedContent content)
        => Of(slot.InodeOf(0), kind, content.IsExecutable, content.Size);

    public static FuseAttr OfEntry(PathHandle handle, ManifestTree tree, int entry)
        => Of(InodeOf(handle, entry), tree.Kind(entry), tree.IsExecutable(entry), tree.Size(entry));

    public static FuseAttr OfFixedDirectory(ulong node)
        => Of(node, EntryKind.Directory, isExecutable: false, size: 0);

    public static FuseAttr OfSocket(DaemonSocketNode socket) => OfFixedDirectory(socket.Node) with
    {
        Mode = socket.Mode,
        Size = 0,
        Blocks = 0,
        UserId = socket.UserId,
        GroupId = socket.GroupId,
    };

    public static FuseAttr OfLog(in Slot slot, ulong size)
        => Of(slot.InodeOf(0), EntryKind.Regular, isExecutable: false, size);

    /// <summary>
    /// The inode number that programs see: below 2^32 as long as there are any, since 32-bit programs without large-file support take no others.
    /// </summary>
    public static ulong InodeOf(PathHandle handle, int entry) => new Slot(handle.Slot, handle.FirstInode).InodeOf(entry);

    /// <summary>
    /// An inode number for a name that is listed before anything else is known of it: the same each time, and away from those that files have,
    /// which are given from the small ones on.
    /// </summary>
    public static ulong MadeUpInode(ReadOnlySpan<byte> baseName)
    {
        var crc = uint.MaxValue;
        foreach (var value in baseName)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc | MadeUpBit;
    }

    public static uint ModeOf(EntryKind kind, bool isExecutable) => kind switch
    {
        EntryKind.Directory => FuseMode.Directory | ExecutableMode,
        EntryKind.Symlink => FuseMode.SymbolicLink | LinkMode,
        _ => FuseMode.Regular | (isExecutable ? ExecutableMode : ReadOnlyMode),
    };

    private static FuseAttr Of(ulong inode, EntryKind kind, bool isExecutable, ulong size)
    {
        var shown = kind == EntryKind.Directory ? DirectoryBytes : size;
        return new FuseAttr
        {
            Inode = inode,
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
