namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// The nodes that are not below a store path:
/// <code>
/// 1 /   2 store   3 var   4 var/nix   5 var/nix/daemon-socket   16… var/nix/daemon-socket/socket
/// </code>
/// </summary>
internal static class FixedNodes
{
    /// <summary>FUSE_ROOT_ID.</summary>
    public const ulong Root = 1;

    public const ulong Store = 2;
    public const ulong Var = 3;
    public const ulong VarNix = 4;
    public const ulong DaemonSocketDirectory = 5;

    /// <summary>
    /// The first id of the daemon's socket. Each new binding takes the next one: the kernel finds the listener by its inode, and a
    /// second listener on the inode of the first could not be reached.
    /// </summary>
    public const ulong SocketFirst = 16;

    /// <summary>One behind the last id of the slot that the fixed nodes have.</summary>
    public const ulong End = 1UL << 32;

    public static ReadOnlySpan<byte> StoreName => "store"u8;

    public static ReadOnlySpan<byte> VarName => "var"u8;

    public static ReadOnlySpan<byte> NixName => "nix"u8;

    public static ReadOnlySpan<byte> DaemonSocketName => "daemon-socket"u8;

    public static ReadOnlySpan<byte> SocketName => "socket"u8;

    public static bool IsDirectory(ulong node) => node is >= Root and <= DaemonSocketDirectory;

    public static ulong Parent(ulong node) => node switch
    {
        Root or Store or Var => Root,
        VarNix => Var,
        DaemonSocketDirectory => VarNix,
        _ => DaemonSocketDirectory,
    };

    /// <summary>The fixed directory of a name in a fixed directory, or 0.</summary>
    public static ulong FindDirectory(ulong parent, ReadOnlySpan<byte> name) => parent switch
    {
        Root when name.SequenceEqual(StoreName) => Store,
        Root when name.SequenceEqual(VarName) => Var,
        Var when name.SequenceEqual(NixName) => VarNix,
        VarNix when name.SequenceEqual(DaemonSocketName) => DaemonSocketDirectory,
        _ => 0,
    };
}
