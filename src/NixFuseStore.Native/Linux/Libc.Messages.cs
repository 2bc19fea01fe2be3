using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Native.Linux;

/// <summary>Whole messages between processes of one host, with open files beside them.</summary>
public static unsafe partial class Libc
{
    /// <summary>Open files that one message can carry.</summary>
    public const int MessageFilesMax = 8;

    private const int MessageSocket = 5; // SOCK_SEQPACKET
    private const int DoNotWait = 0x40; // MSG_DONTWAIT
    private const int NoSignal = 0x4000; // MSG_NOSIGNAL
    private const int Truncated = 0x20; // MSG_TRUNC
    private const int ControlTruncated = 0x8; // MSG_CTRUNC
    private const int ControlHeaderBytes = 16;

    /// <summary>A connected pair of unix sockets that keep the bounds of messages.</summary>
    /// <exception cref="LinuxException">There is no room for descriptors.</exception>
    public static (SafeFileHandle First, SafeFileHandle Second) CreateMessageSockets()
    {
        var pair = stackalloc int[2];
        if (Raw.SocketPair(UnixFamily, MessageSocket | SocketCloseOnExec, 0, pair) != 0)
        {
            throw new LinuxException("socketpair", LastError);
        }

        return (new SafeFileHandle(pair[0], ownsHandle: true), new SafeFileHandle(pair[1], ownsHandle: true));
    }

    /// <summary>Sends a message; the receiver gets copies of the open files. Never waits.</summary>
    /// <param name="socket">One of <see cref="CreateMessageSockets"/>.</param>
    /// <param name="message">At least one byte.</param>
    /// <param name="files">At most <see cref="MessageFilesMax"/>; they stay open here.</param>
    /// <returns>EAGAIN where the receiver has left too many unread; EPIPE where it has gone.</returns>
    public static Errno SendMessage(SafeHandle socket, ReadOnlySpan<byte> message, params ReadOnlySpan<SafeHandle> files)
    {
        ArgumentOutOfRangeException.ThrowIfZero(message.Length, nameof(message));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(files.Length, MessageFilesMax, nameof(files));
        var control = stackalloc byte[ControlHeaderBytes + (MessageFilesMax * sizeof(int))];
        using var use = new HandleUse(socket);
        var held = 0;
        try
        {
            // 1. The files, held open during the call.
            for (; held < files.Length; held++)
            {
                var added = false;
                files[held].DangerousAddRef(ref added);
                BinaryPrimitives.WriteInt32LittleEndian(
                    new Span<byte>(control + ControlHeaderBytes + (held * sizeof(int)), sizeof(int)), (int)files[held].DangerousGetHandle());
            }

            // 2. The message.
            fixed (byte* start = message)
            {
                var vector = new IoVector(start, (nuint)message.Length);
                var header = new MessageHeader { Vectors = &vector, VectorCount = 1 };
                if (held > 0)
                {
                    var length = ControlHeaderBytes + (held * sizeof(int));
                    BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(control, 8), (ulong)length);
                    BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(control + 8, 4), SocketLevel);
                    BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(control + 12, 4), Rights);
                    header.Control = control;
                    header.ControlBytes = (nuint)length;
                }

                return Raw.SendMessage(use.Descriptor, &header, DoNotWait | NoSignal) < 0 ? LastError : Errno.None;
            }
        }
        finally
        {
            while (held > 0)
            {
                files[--held].DangerousRelease();
            }
        }
    }

    /// <summary>Takes the next message, and waits for it.</summary>
    /// <param name="socket">One of <see cref="CreateMessageSockets"/>.</param>
    /// <param name="buffer">A longer message is EMSGSIZE.</param>
    /// <param name="files">Gets the open files that came with it, close-on-exec; the caller's.</param>
    /// <param name="bytes">Its length; 0 where the other end has closed.</param>
    public static Errno ReceiveMessage(SafeHandle socket, Span<byte> buffer, IList<SafeFileHandle> files, out int bytes)
    {
        ArgumentNullException.ThrowIfNull(files);
        bytes = 0;
        const int ControlMax = ControlHeaderBytes + (MessageFilesMax * sizeof(int));
        var control = stackalloc byte[ControlMax];
        using var use = new HandleUse(socket);
        fixed (byte* start = buffer)
        {
            var vector = new IoVector(start, (nuint)buffer.Length);
            var header = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlBytes = ControlMax };
            // ECONNRESET: the other end has gone without reading all; what it had sent is still to be had.
            nint received;
            do
            {
                received = Raw.ReceiveMessage(use.Descriptor, &header, ReceiveCloseOnExec);
            }
            while (received < 0 && (LastError is Errno.EINTR or Errno.ECONNRESET));
            if (received < 0)
            {
                return LastError;
            }

            var read = new ReadOnlySpan<byte>(control, (int)header.ControlBytes);
            if (read.Length >= ControlHeaderBytes && BinaryPrimitives.ReadInt32LittleEndian(read[12..]) == Rights)
            {
                var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(read);
                for (var offset = ControlHeaderBytes; offset + sizeof(int) <= length; offset += sizeof(int))
                {
                    files.Add(new SafeFileHandle(BinaryPrimitives.ReadInt32LittleEndian(read[offset..]), ownsHandle: true));
                }
            }

            bytes = (int)received;
            return (header.Flags & (Truncated | ControlTruncated)) == 0 ? Errno.None : Errno.EMSGSIZE;
        }
    }

    /// <summary>Waits until one of some files can be read, or has ended.</summary>
    /// <returns>Which of them, by their order; none where the time has passed.</returns>
    public static bool[] WaitReadable(TimeSpan timeout, params ReadOnlySpan<SafeHandle?> files)
    {
        var entries = stackalloc PollEntry[files.Length];
        var ready = new bool[files.Length];
        for (var i = 0; i < files.Length; i++)
        {
            // A negative number is passed over.
            entries[i] = new PollEntry { Descriptor = files[i] is { IsClosed: false } file ? (int)file.DangerousGetHandle() : -1, Events = PollReadable };
        }

        if (Raw.Poll(entries, (nuint)files.Length, (int)Math.Clamp(Math.Ceiling(timeout.TotalMilliseconds), 0, int.MaxValue)) > 0)
        {
            for (var i = 0; i < files.Length; i++)
            {
                ready[i] = entries[i].Returned != 0;
            }
        }

        return ready;
    }
}
