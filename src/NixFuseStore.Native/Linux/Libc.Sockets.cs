using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>Passing descriptors between processes: System.Net.Sockets has no ancillary data.</summary>
public static unsafe partial class Libc
{
    private const int UnixFamily = 1; // AF_UNIX
    private const int StreamSocket = 1; // SOCK_STREAM
    private const int SocketCloseOnExec = 0x80000; // SOCK_CLOEXEC
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int Rights = 1; // SCM_RIGHTS
    private const int ReceiveCloseOnExec = 0x40000000; // MSG_CMSG_CLOEXEC

    /// <summary>A connected pair of unix stream sockets.</summary>
    /// <exception cref="LinuxException">There is no room for descriptors.</exception>
    public static (SafeFileHandle First, SafeFileHandle Second) CreateSocketPair()
    {
        var pair = stackalloc int[2];
        if (Raw.SocketPair(UnixFamily, StreamSocket | SocketCloseOnExec, 0, pair) != 0)
        {
            throw new LinuxException("socketpair", LastError);
        }

        return (new SafeFileHandle(pair[0], ownsHandle: true), new SafeFileHandle(pair[1], ownsHandle: true));
    }

    /// <summary>Sends one byte and, beside it, a descriptor; the receiver gets its own copy.</summary>
    public static Errno SendDescriptor(SafeHandle socket, SafeHandle descriptor)
    {
        byte payload = 0;
        var control = stackalloc byte[ControlBytes];
        new Span<byte>(control, ControlBytes).Clear();
        var message = DescribeMessage(new IoVector(&payload, 1), control, out var vector);
        message.Vectors = &vector;

        using var socketUse = new HandleUse(socket);
        using var descriptorUse = new HandleUse(descriptor);
        BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(control, 8), ControlLength);
        BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(control + 8, 4), SocketLevel);
        BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(control + 12, 4), Rights);
        BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(control + 16, 4), descriptorUse.Descriptor);
        return Raw.SendMessage(socketUse.Descriptor, &message, 0) < 0 ? LastError : Errno.None;
    }

    /// <summary>Waits for a descriptor from the other end.</summary>
    /// <param name="socket">A unix stream socket.</param>
    /// <param name="timeout">How long.</param>
    /// <param name="descriptor">The descriptor, close-on-exec; null when the other end closed or sent none.</param>
    public static Errno ReceiveDescriptor(SafeHandle socket, TimeSpan timeout, out SafeFileHandle? descriptor)
    {
        descriptor = null;
        using (var waiting = new HandleUse(socket))
        {
            var entry = new PollEntry { Descriptor = waiting.Descriptor, Events = PollReadable };
            if (Raw.Poll(&entry, 1, (int)timeout.TotalMilliseconds) == 0)
            {
                return Errno.ETIMEDOUT;
            }
        }

        byte payload = 0;
        var control = stackalloc byte[ControlBytes];
        new Span<byte>(control, ControlBytes).Clear();
        var message = DescribeMessage(new IoVector(&payload, 1), control, out var vector);
        message.Vectors = &vector;

        using var socketUse = new HandleUse(socket);
        nint received;
        do
        {
            received = Raw.ReceiveMessage(socketUse.Descriptor, &message, ReceiveCloseOnExec);
        }
        while (received < 0 && LastError == Errno.EINTR);

        if (received < 0)
        {
            return LastError;
        }

        var header = new ReadOnlySpan<byte>(control, ControlBytes);
        if (message.ControlBytes >= ControlLength
            && BinaryPrimitives.ReadInt32LittleEndian(header[8..]) == SocketLevel
            && BinaryPrimitives.ReadInt32LittleEndian(header[12..]) == Rights)
        {
            descriptor = new SafeFileHandle(BinaryPrimitives.ReadInt32LittleEndian(header[16..]), ownsHandle: true);
        }

        return Errno.None;
    }

    // struct cmsghdr (u64 length, i32 level, i32 type) and one int, as CMSG_LEN and CMSG_SPACE count them on 64-bit Linux.
    private const int ControlLength = 20;
    private const int ControlBytes = 24;

    private static MessageHeader DescribeMessage(IoVector payload, byte* control, out IoVector vector)
    {
        vector = payload;
        return new MessageHeader { VectorCount = 1, Control = control, ControlBytes = ControlBytes };
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameBytes;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlBytes;
        public int Flags;
    }

    /// <summary>Keeps a handle open while a call uses its number.</summary>
    private readonly ref struct HandleUse
    {
        private readonly SafeHandle _handle;

        public HandleUse(SafeHandle handle)
        {
            var added = false;
            handle.DangerousAddRef(ref added);
            _handle = handle;
        }

        public int Descriptor => (int)_handle.DangerousGetHandle();

        public void Dispose() => _handle.DangerousRelease();
    }

    private static partial class Raw
    {
        [LibraryImport(Library, EntryPoint = "socketpair", SetLastError = true)]
        internal static partial int SocketPair(int family, int type, int protocol, int* pair);

        [LibraryImport(Library, EntryPoint = "sendmsg", SetLastError = true)]
        internal static partial nint SendMessage(int socket, MessageHeader* message, int flags);

        [LibraryImport(Library, EntryPoint = "recvmsg", SetLastError = true)]
        internal static partial nint ReceiveMessage(int socket, MessageHeader* message, int flags);
    }
}
