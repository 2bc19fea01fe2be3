using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>
/// Whose process is at the other end of a TCP connection within this host: TCP has no SO_PEERCRED, but the kernel lists the owner of every
/// socket. Calls may overlap.
/// </summary>
public static unsafe partial class TcpPeer
{
    private static readonly Lock DiagnosticsLock = new();

    // Opened once, so that asking needs no descriptor when there are none left. -1 before, -2 where the kernel has none.
    private static int _diagnostics = -1;

    /// <summary>The user who owns the other end.</summary>
    /// <param name="peer">The other end's address, as this end sees it.</param>
    /// <param name="local">This end's address.</param>
    /// <returns>
    /// Null where no process of this host (and network namespace) holds the other end: it may have been closed. The kernel calls closed
    /// sockets root's, so they are told by having no inode.
    /// </returns>
    public static uint? UserIdOf(IPEndPoint peer, IPEndPoint local)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(local);
        (peer, local) = (Plain(peer), Plain(local));
        return TryAskKernel(peer, local, out var userId) ? userId : UserIdInTables(peer, local);
    }

    /// <summary>What <c>/proc/net/tcp</c> and <c>tcp6</c> say; for kernels that answer no questions about sockets.</summary>
    internal static uint? UserIdInTables(IPEndPoint peer, IPEndPoint local)
    {
        // A client may have a socket of the other family: ::ffff:127.0.0.1.
        foreach (var (file, bytes) in (ReadOnlySpan<(string, int)>)[("/proc/net/tcp", 4), ("/proc/net/tcp6", 16)])
        {
            if ((bytes == 4 && peer.AddressFamily != AddressFamily.InterNetwork) || !File.Exists(file))
            {
                continue;
            }

            var (wantedLocal, wantedRemote) = (TableText(peer, bytes), TableText(local, bytes));
            foreach (var line in File.ReadLines(file))
            {
                // sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length > 9 && fields[1] == wantedLocal && fields[2] == wantedRemote)
                {
                    return fields[9] != "0" && uint.TryParse(fields[7], CultureInfo.InvariantCulture, out var userId) ? userId : null;
                }
            }
        }

        return null;
    }

    // struct inet_diag_req_v2 and inet_diag_msg of linux/inet_diag.h behind a struct nlmsghdr; ports and addresses in network order.
    private static bool TryAskKernel(IPEndPoint peer, IPEndPoint local, out uint? userId)
    {
        const int RequestBytes = 72;
        const int AnswerBytes = 88;
        const int IdOffset = 20;
        const ushort SocketDiagnosticsByFamily = 20; // SOCK_DIAG_BY_FAMILY
        const ushort Error = 2;                      // NLMSG_ERROR
        const int NoEntry = -2;                      // -ENOENT

        // 1. The client's socket is asked for: its local address is this end's peer.
        Span<byte> request = stackalloc byte[RequestBytes];
        request.Clear();
        var isV4 = peer.AddressFamily == AddressFamily.InterNetwork;
        BinaryPrimitives.WriteInt32LittleEndian(request, RequestBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(request[4..], SocketDiagnosticsByFamily);
        BinaryPrimitives.WriteUInt16LittleEndian(request[6..], 1); // NLM_F_REQUEST
        request[16] = (byte)(isV4 ? 2 : 10);                       // AF_INET, AF_INET6
        request[17] = 6;                                           // IPPROTO_TCP
        request[20..24].Fill(0xff);                                // any state
        var id = request[24..];
        BinaryPrimitives.WriteUInt16BigEndian(id, (ushort)peer.Port);
        BinaryPrimitives.WriteUInt16BigEndian(id[2..], (ushort)local.Port);
        peer.Address.TryWriteBytes(id[4..20], out _);
        local.Address.TryWriteBytes(id[20..36], out _);
        id[40..48].Fill(0xff); // INET_DIAG_NOCOOKIE

        // 2. The answer stands in the socket's queue when the send returns.
        Span<byte> answer = stackalloc byte[512];
        nint length;
        userId = null;
        lock (DiagnosticsLock)
        {
            if (_diagnostics == -1)
            {
                _diagnostics = Raw.Socket(16, 3 | 0x80000, 4); // AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG
            }

            if (_diagnostics < 0)
            {
                _diagnostics = Marshal.GetLastPInvokeError() is (int)Errno.EMFILE or (int)Errno.ENFILE ? -1 : -2;
                return false;
            }

            fixed (byte* question = request, reply = answer)
            {
                if (Raw.Send(_diagnostics, question, RequestBytes, 0) != RequestBytes)
                {
                    return false;
                }

                length = Raw.Receive(_diagnostics, reply, (nuint)answer.Length, 0x40); // MSG_DONTWAIT
            }
        }

        // 3. A listener on the client's port answers for a connection that has gone: the addresses have to be those asked for.
        if (length >= 20 && BinaryPrimitives.ReadUInt16LittleEndian(answer[4..]) == Error)
        {
            return BinaryPrimitives.ReadInt32LittleEndian(answer[16..]) == NoEntry;
        }

        if (length < AnswerBytes)
        {
            return false;
        }

        var addresses = isV4 ? 4 : 16;
        var found = answer[IdOffset..];
        if (found[..4].SequenceEqual(id[..4])
            && (answer[16] != request[16] || (found.Slice(4, addresses).SequenceEqual(id.Slice(4, addresses)) && found.Slice(20, addresses).SequenceEqual(id.Slice(20, addresses))))
            && BinaryPrimitives.ReadUInt32LittleEndian(answer[84..]) != 0)
        {
            userId = BinaryPrimitives.ReadUInt32LittleEndian(answer[80..]);
        }

        return true;
    }

    private static IPEndPoint Plain(IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;

    // The kernel prints addresses as 32-bit words of the machine's byte order.
    private static string TableText(IPEndPoint endPoint, int bytes)
    {
        var address = (bytes == 16 ? endPoint.Address.MapToIPv6() : endPoint.Address).GetAddressBytes();
        var words = string.Concat(Enumerable.Range(0, address.Length / 4).Select(i => BitConverter.ToUInt32(address, i * 4).ToString("X8", CultureInfo.InvariantCulture)));
        return string.Create(CultureInfo.InvariantCulture, $"{words}:{endPoint.Port:X4}");
    }

    private static partial class Raw
    {
        [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
        internal static partial int Socket(int family, int type, int protocol);

        [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
        internal static partial nint Send(int socket, byte* bytes, nuint length, int flags);

        [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
        internal static partial nint Receive(int socket, byte* bytes, nuint length, int flags);
    }
}
