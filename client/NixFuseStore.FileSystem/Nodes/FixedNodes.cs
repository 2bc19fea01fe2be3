using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// The nodes that are not below a store path:
/// <code>
/// 1 /   2 store   3 var   4 var/nix   5 var/nix/daemon-socket   16… var/nix/daemon-socket/socket
/// 6 var/log   7 var/log/nix   8 var/log/nix/drvs   0x10000… var/log/nix/drvs/XX, by the two characters
/// </code>
/// Their inode numbers are their node ids. Inode numbers from <see cref="InodesEnd"/> on are those of files in store paths and of logs.
/// </summary>
internal static class FixedNodes
{
    /// <summary>FUSE_ROOT_ID.</summary>
    public const ulong Root = 1;

    public const ulong Store = 2;
    public const ulong Var = 3;
    public const ulong VarNix = 4;
    public const ulong DaemonSocketDirectory = 5;
    public const ulong VarLog = 6;
    public const ulong VarLogNix = 7;
    public const ulong Logs = 8;

    /// <summary>
    /// The first id of the daemon's socket. Each new binding takes the next one: the kernel finds the listener by its inode, and a
    /// second listener on the inode of the first could not be reached.
    /// </summary>
    public const ulong SocketFirst = 16;

    /// <summary>Characters of a derivation's base name that name the directory of its log.</summary>
    public const int LogPrefixLength = 2;

    private const ulong LogPrefixFirst = 0x10000;
    private const ulong LogPrefixEnd = LogPrefixFirst + 0x10000;

    /// <summary>One behind the last id, and so behind the last inode number.</summary>
    public const uint InodesEnd = (uint)LogPrefixEnd;

    public static ReadOnlySpan<byte> StoreName => "store"u8;

    public static ReadOnlySpan<byte> VarName => "var"u8;

    public static ReadOnlySpan<byte> NixName => "nix"u8;

    public static ReadOnlySpan<byte> DaemonSocketName => "daemon-socket"u8;

    public static ReadOnlySpan<byte> SocketName => "socket"u8;

    public static ReadOnlySpan<byte> LogName => "log"u8;

    public static ReadOnlySpan<byte> LogsName => "drvs"u8;

    public static bool IsDirectory(ulong node) => node is >= Root and <= Logs || IsLogPrefix(node);

    /// <summary>Whether a node is a directory of logs.</summary>
    public static bool IsLogPrefix(ulong node) => node is >= LogPrefixFirst and < LogPrefixEnd;

    /// <summary>Writes the two characters by which a directory of logs is named.</summary>
    /// <returns>Their number.</returns>
    public static int LogPrefix(ulong node, Span<byte> destination)
    {
        destination[0] = (byte)(node >> 8);
        destination[1] = (byte)node;
        return 2;
    }

    public static ulong Parent(ulong node) => node switch
    {
        Root or Store or Var => Root,
        VarNix or VarLog => Var,
        DaemonSocketDirectory => VarNix,
        VarLogNix => VarLog,
        Logs => VarLogNix,
        >= LogPrefixFirst and < LogPrefixEnd => Logs,
        _ => DaemonSocketDirectory,
    };

    /// <summary>The fixed directory of a name in a fixed directory, or 0.</summary>
    public static ulong FindDirectory(ulong parent, ReadOnlySpan<byte> name) => parent switch
    {
        Root when name.SequenceEqual(StoreName) => Store,
        Root when name.SequenceEqual(VarName) => Var,
        Var when name.SequenceEqual(NixName) => VarNix,
        VarNix when name.SequenceEqual(DaemonSocketName) => DaemonSocketDirectory,
        Var when name.SequenceEqual(LogName) => VarLog,
        VarLog when name.SequenceEqual(NixName) => VarLogNix,
        VarLogNix when name.SequenceEqual(LogsName) => Logs,
        Logs when name.Length == 2 && NixBase32.IsDigit(name[0]) && NixBase32.IsDigit(name[1]) => LogPrefixFirst | ((ulong)name[0] << 8) | name[1],
        _ => 0,
    };
}

/// <summary>The node of the daemon's socket. The kernel keeps it for as long as the socket is bound, whichever process serves the mount.</summary>
/// <param name="Node">Its id, and its inode number.</param>
/// <param name="Mode">Kind and permissions, as in st_mode.</param>
/// <param name="UserId">Its owner.</param>
/// <param name="GroupId">Its group.</param>
public sealed record DaemonSocketNode(ulong Node, uint Mode, uint UserId, uint GroupId);
