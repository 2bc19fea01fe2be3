using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>Who is at the other end of a connected unix socket, and whether it still is.</summary>
public static unsafe partial class Libc
{
    private const int PeerCredentials = 17; // SO_PEERCRED
    private const int PeerGroupsOption = 59; // SO_PEERGROUPS
    private const int PeerPidFdOption = 77; // SO_PEERPIDFD
    private const int SendSignalToProcess = 424; // SYS_pidfd_send_signal, the same on all architectures
    private const int GroupsMax = 65_536; // NGROUPS_MAX
    private const short PollReadable = 0x1; // POLLIN
    private const short PollReadHangUp = 0x2000; // POLLRDHUP
    private const short PollError = 0x8; // POLLERR
    private const short PollHangUp = 0x10; // POLLHUP

    /// <summary>The process that connected, its user and its group. The process is 0 where it lies outside of this pid namespace.</summary>
    /// <exception cref="LinuxException">The socket is not connected.</exception>
    public static (int ProcessId, uint UserId, uint GroupId) PeerOf(SafeHandle socket)
    {
        Credentials credentials;
        uint length = (uint)sizeof(Credentials);
        using var use = new HandleUse(socket);
        return Raw.GetSocketOption(use.Descriptor, SocketLevel, PeerCredentials, &credentials, &length) == 0
            ? (credentials.ProcessId, credentials.UserId, credentials.GroupId)
            : throw new LinuxException("getsockopt SO_PEERCRED", LastError);
    }

    /// <summary>The supplementary groups of the process that connected; none before Linux 4.13.</summary>
    public static IReadOnlyList<uint> PeerGroups(SafeHandle socket)
    {
        using var use = new HandleUse(socket);
        var groups = new uint[64];
        while (true)
        {
            uint length = (uint)(groups.Length * sizeof(uint));
            fixed (uint* start = groups)
            {
                if (Raw.GetSocketOption(use.Descriptor, SocketLevel, PeerGroupsOption, start, &length) == 0)
                {
                    return groups[..(int)(length / sizeof(uint))];
                }
            }

            if (LastError != Errno.ERANGE || groups.Length >= GroupsMax)
            {
                return [];
            }

            groups = new uint[GroupsMax];
        }
    }

    /// <summary>A handle to the very process that connected (SO_PEERPIDFD, Linux 6.5).</summary>
    /// <returns>ENOPROTOOPT on older kernels; another error where that process is gone.</returns>
    internal static Errno OpenPeer(SafeHandle socket, out SafeFileHandle? process)
    {
        int descriptor = -1;
        uint length = sizeof(int);
        using var use = new HandleUse(socket);
        var result = Raw.GetSocketOption(use.Descriptor, SocketLevel, PeerPidFdOption, &descriptor, &length);
        process = result == 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : null;
        return result == 0 ? Errno.None : LastError;
    }

    /// <summary>Whether the process behind a handle has not been waited for yet, so that its id is still its own.</summary>
    internal static bool IsProcessThere(SafeHandle process)
    {
        using var use = new HandleUse(process);
        return Raw.SignalProcess(SendSignalToProcess, use.Descriptor, 0, 0, 0) == 0 || LastError == Errno.EPERM;
    }

    /// <summary>Whether the other end was closed. Says so even while bytes that it sent before are still unread, and never waits.</summary>
    public static bool HasPeerGone(SafeHandle socket)
    {
        using var use = new HandleUse(socket);
        var entry = new PollEntry { Descriptor = use.Descriptor, Events = PollReadHangUp };
        return Raw.Poll(&entry, 1, 0) > 0 && (entry.Returned & (PollReadHangUp | PollHangUp | PollError)) != 0;
    }

    /// <summary>struct ucred.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Credentials
    {
        public int ProcessId;
        public uint UserId;
        public uint GroupId;
    }

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "getsockopt", SetLastError = true)]
        internal static partial int GetSocketOption(int socket, int level, int option, void* value, uint* length);

        [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
        internal static partial long SignalProcess(long number, int process, int signal, nint information, uint flags);

        [LibraryImport(Library, EntryPoint = "poll", SetLastError = true)]
        internal static partial int Poll(PollEntry* entries, nuint count, int timeoutMilliseconds);
    }
}
