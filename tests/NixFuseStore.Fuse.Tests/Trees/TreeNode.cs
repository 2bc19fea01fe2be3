using NixFuseStore.Fuse.Kernel;

namespace NixFuseStore.Fuse.Tests.Trees;

/// <summary>A file of <see cref="TreeFileSystem"/>: unmanaged bytes, so that reads can hand out pointers.</summary>
internal sealed class TreeNode(ulong id, uint mode, byte[] content)
{
    public ulong Id { get; } = id;

    public uint Mode { get; set; } = mode;

    /// <summary>Content of a file, target of a link. Pinned for as long as the node lives.</summary>
    public byte[] Content { get; set; } = Pin(content);

    public List<(byte[] Name, TreeNode Node)> Children { get; } = [];

    public FuseAttr Attributes => new()
    {
        Inode = Id,
        Size = (ulong)Content.Length,
        Blocks = ((ulong)Content.Length + 511) / 512,
        ModifySeconds = 1,
        Mode = Mode,
        Links = 1,
    };

    private static byte[] Pin(byte[] content)
    {
        var pinned = GC.AllocateUninitializedArray<byte>(content.Length, pinned: true);
        content.CopyTo(pinned, 0);
        return pinned;
    }
}
