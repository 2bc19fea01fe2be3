using NixFuseStore.Fuse.Channels;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Sessions;

/// <summary>
/// Tells the kernel to forget what it keeps. Calls are made from any thread except a dispatch thread: the kernel may
/// wait for a lock in them that it holds while a lookup in the same directory waits for us.
/// </summary>
/// <remarks>
/// Each returns None when the kernel did it, ENOENT when it kept nothing of that kind (or nothing at all, the mount being
/// gone), EPERM, ENODEV or ENOTCONN when the line is down, and otherwise its reason.
/// </remarks>
public sealed unsafe class FuseNotifier
{
    private readonly IFuseChannel _channel;
    private readonly FuseCounters _counters;

    internal FuseNotifier(IFuseChannel channel, FuseCounters counters)
    {
        _channel = channel;
        _counters = counters;
    }

    /// <summary>
    /// Drops what is known of a name, present or absent, and, where the name was known, the directory's kept listing.
    /// Waits for the directory's lock.
    /// </summary>
    /// <param name="parent">The directory's node.</param>
    /// <param name="name">The name, 1 to 255 bytes.</param>
    public Errno InvalidateEntry(ulong parent, ReadOnlySpan<byte> name)
    {
        CheckName(name);
        var body = new FuseNotifyInvalidateEntryOut(parent, (uint)name.Length, Flags: 0);
        return Send(FuseNotifyCode.InvalidateEntry, new ReadOnlySpan<byte>(&body, sizeof(FuseNotifyInvalidateEntryOut)), name);
    }

    /// <summary>Drops a node's attributes and, unless <paramref name="offset"/> is negative, its pages; of a directory, the kept listing.</summary>
    /// <param name="node">The node.</param>
    /// <param name="offset">First byte to drop; negative for attributes alone.</param>
    /// <param name="bytes">Number of bytes; 0 or less for all from <paramref name="offset"/> on.</param>
    public Errno InvalidateInode(ulong node, long offset = 0, long bytes = 0)
    {
        var body = new FuseNotifyInvalidateInodeOut(node, offset, bytes);
        return Send(FuseNotifyCode.InvalidateInode, new ReadOnlySpan<byte>(&body, sizeof(FuseNotifyInvalidateInodeOut)), default);
    }

    /// <summary>Says that a name was removed: as <see cref="InvalidateEntry"/>, and watchers (inotify) are told. A name in use is only dropped from sight.</summary>
    /// <param name="parent">The directory's node.</param>
    /// <param name="child">The node that the name had; another one by now is left alone.</param>
    /// <param name="name">The name, 1 to 255 bytes.</param>
    public Errno Delete(ulong parent, ulong child, ReadOnlySpan<byte> name)
    {
        CheckName(name);
        var body = new FuseNotifyDeleteOut(parent, child, (uint)name.Length, Padding: 0);
        return Send(FuseNotifyCode.Delete, new ReadOnlySpan<byte>(&body, sizeof(FuseNotifyDeleteOut)), name);
    }

    /// <summary>
    /// Asks for every request that was read but not answered once more, for a process that takes over a mount. EINVAL
    /// before Linux 6.9.
    /// </summary>
    public Errno Resend() => Send(FuseNotifyCode.Resend, default, default);

    private static void CheckName(ReadOnlySpan<byte> name)
    {
        ArgumentOutOfRangeException.ThrowIfZero(name.Length, nameof(name));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, FuseLimits.NameBytesMax, nameof(name));
    }

    private Errno Send(FuseNotifyCode code, ReadOnlySpan<byte> body, ReadOnlySpan<byte> name)
    {
        // A notification answers no request: unique 0, the code in place of the error. The name's terminator travels too.
        var terminator = stackalloc byte[1];
        terminator[0] = 0;
        var bytes = body.Length + (name.IsEmpty ? 0 : name.Length + 1);
        var header = new FuseOutHeader((uint)(sizeof(FuseOutHeader) + bytes), (int)code, Unique: 0);
        var message = stackalloc IoVector[4];
        fixed (byte* bodyStart = body)
        fixed (byte* nameStart = name)
        {
            var count = 0;
            message[count++] = new IoVector(&header, (nuint)sizeof(FuseOutHeader));
            if (!body.IsEmpty)
            {
                message[count++] = new IoVector(bodyStart, (nuint)body.Length);
            }

            if (!name.IsEmpty)
            {
                message[count++] = new IoVector(nameStart, (nuint)name.Length);
                message[count++] = new IoVector(terminator, 1);
            }

            _counters.NotificationSent();
            return _channel.Write(new ReadOnlySpan<IoVector>(message, count));
        }
    }
}
