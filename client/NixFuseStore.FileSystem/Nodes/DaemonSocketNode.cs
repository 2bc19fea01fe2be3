namespace NixFuseStore.FileSystem.Nodes;

/// <summary>The node of the daemon's socket. The kernel keeps it for as long as the socket is bound, whichever process serves the mount.</summary>
/// <param name="Node">Its id, and its inode number.</param>
/// <param name="Mode">Kind and permissions, as in st_mode.</param>
/// <param name="UserId">Its owner.</param>
/// <param name="GroupId">Its group.</param>
public sealed record DaemonSocketNode(ulong Node, uint Mode, uint UserId, uint GroupId);
