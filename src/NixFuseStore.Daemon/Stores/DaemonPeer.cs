namespace NixFuseStore.Daemon;

/// <summary>Who is at the other end of the socket, by <c>SO_PEERCRED</c>.</summary>
/// <param name="ProcessId">In this process's pid namespace; 0 where the peer lies outside of it.</param>
/// <param name="UserId">Its user.</param>
/// <param name="GroupId">Its group.</param>
public sealed record DaemonPeer(int ProcessId, uint UserId, uint GroupId);
