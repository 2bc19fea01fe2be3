using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>Who is at the other end of a connected unix socket, and whether it still is.</summary>
public static unsafe partial class Libc
{
    private const int PeerCredentials = 17; // SO_PEERCRED
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

        [LibraryImport(Library, EntryPoint = "poll", SetLastError = true)]
        internal static partial int Poll(PollEntry* entries, nuint count, int timeoutMilliseconds);
    }
}
