namespace NixFuseStore.Fuse.Kernel;

/// <summary>File type bits of a mode (S_IF…), and the types directory entries carry (DT_…), which are the same shifted right by 12.</summary>
public static class FuseMode
{
    /// <summary>S_IFMT: the bits that hold the type.</summary>
    public const uint TypeMask = 0xF000;

    /// <summary>S_IFSOCK.</summary>
    public const uint Socket = 0xC000;

    /// <summary>S_IFLNK.</summary>
    public const uint SymbolicLink = 0xA000;

    /// <summary>S_IFREG.</summary>
    public const uint Regular = 0x8000;

    /// <summary>S_IFDIR.</summary>
    public const uint Directory = 0x4000;

    /// <summary>The type as a directory entry carries it (DT_DIR and so on).</summary>
    public static uint EntryType(uint mode) => (mode & TypeMask) >> 12;
}
