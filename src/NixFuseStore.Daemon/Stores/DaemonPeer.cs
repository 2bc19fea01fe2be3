namespace NixFuseStore.Daemon;

/// <summary>Who is at the other end of the socket, as the kernel says: nothing of it is the client's word.</summary>
/// <param name="ProcessId">In this process's pid namespace; 0 where the peer lies outside of it.</param>
/// <param name="UserId">Its user when it connected.</param>
/// <param name="GroupId">Its group when it connected.</param>
public sealed record DaemonPeer(int ProcessId, uint UserId, uint GroupId)
{
    /// <summary>Its supplementary groups when it connected.</summary>
    public IReadOnlyList<uint> Groups { get; init; } = [];

    /// <summary>When its process started, clock ticks after boot; with <see cref="ProcessId"/> it names one process. 0 where unknown.</summary>
    public ulong StartTicks { get; init; }

    /// <summary>Whether it lives in this process's own user and pid namespaces. False where that is not certain, as for clients in containers.</summary>
    public bool SharesNamespaces { get; init; }

    /// <summary>Its mount namespace, such as <c>mnt:[4026531841]</c>, where that is known and another than this process's; null otherwise.</summary>
    public string? ForeignMounts { get; init; }
}
