using System.Globalization;
using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>
/// The process that connected to a unix socket, and which namespaces it lives in: uid 0 of a container whose engine maps no users is uid 0
/// here too, so that a user id alone says little.
/// </summary>
/// <param name="ProcessId">In this process's pid namespace; 0 where the process lies outside of it.</param>
/// <param name="UserId">Its user when it connected.</param>
/// <param name="GroupId">Its group when it connected.</param>
/// <param name="Groups">Its supplementary groups when it connected.</param>
/// <param name="StartTicks">When it started, clock ticks after boot: together with its id it names one process. 0 where unknown.</param>
/// <param name="Namespaces">The namespaces that it lives in; null where they cannot be known, or belong to another process of the same id.</param>
public sealed record PeerProcess(
    int ProcessId, uint UserId, uint GroupId, IReadOnlyList<uint> Groups, ulong StartTicks, ProcessNamespaces? Namespaces)
{
    /// <summary>Whether it lives in this process's own user and pid namespaces. False where that is not certain.</summary>
    public bool SharesNamespaces => Namespaces is { } theirs && ProcessNamespaces.Own is { } own && theirs.User == own.User && theirs.Pid == own.Pid;

    /// <summary>Asks the kernel who connected.</summary>
    /// <exception cref="LinuxException">The socket is not connected.</exception>
    public static PeerProcess Of(SafeHandle socket)
    {
        var (process, user, group) = Libc.PeerOf(socket);
        var groups = Libc.PeerGroups(socket);
        var (start, namespaces) = process > 0 && ProcessNamespaces.IsProcOurs ? Identify(socket, process) : (0, null);
        return new PeerProcess(process, user, group, groups, start, namespaces);
    }

    /// <summary>Whether a process is still the one that started at that time, and not another that was given its id.</summary>
    public static bool IsRunning(int processId, ulong startTicks) => startTicks != 0 && ReadStartTicks(processId) == startTicks;

    // A process that connected, handed its connection on and ended may have left its id to another one.
    private static (ulong StartTicks, ProcessNamespaces? Namespaces) Identify(SafeHandle socket, int process)
    {
        var error = Libc.OpenPeer(socket, out var handle);
        if (error == Errno.None)
        {
            // 1. The kernel has a handle to the very process: while it lives, its id is no other's.
            using (handle)
            {
                var start = ReadStartTicks(process);
                var namespaces = ProcessNamespaces.TryRead(process);
                return Libc.IsProcessThere(handle!) ? (start, namespaces) : (0, null);
            }
        }

        if (error is not (Errno.ENOPROTOOPT or Errno.EINVAL))
        {
            return (0, null);
        }

        // 2. Before Linux 6.5: at least both halves must be about the same process.
        var before = ReadStartTicks(process);
        var read = ProcessNamespaces.TryRead(process);
        return before != 0 && ReadStartTicks(process) == before ? (before, read) : (0, null);
    }

    // Field 22 of /proc/PID/stat, counted behind the program's name, which may hold anything.
    private static ulong ReadStartTicks(int process)
    {
        const int StartField = 22, FirstFieldBehindName = 3;
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return ulong.Parse(fields[StartField - FirstFieldBehindName], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException or ArgumentOutOfRangeException)
        {
            return 0;
        }
    }
}
