using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Channels;

/// <summary>A thread that reads <c>/dev/fuse</c>.</summary>
internal sealed unsafe class DeviceChannelReader : IFuseChannelReader
{
    private readonly DeviceChannel _channel;
    private readonly int _descriptor;
    private volatile bool _waiting;

    public DeviceChannelReader(DeviceChannel channel)
    {
        var added = false;
        channel.Device.DangerousAddRef(ref added); // held until Dispose
        _channel = channel;
        _descriptor = (int)channel.Device.DangerousGetHandle();
        Thread = Libc.CurrentThread;
    }

    /// <summary>The thread that the reader belongs to.</summary>
    public nint Thread { get; }

    /// <summary>Whether the thread is in, or on its way into, a blocking read.</summary>
    public bool IsWaiting => _waiting;

    /// <inheritdoc/>
    public FuseReadOutcome Read(Span<byte> buffer, out int bytes)
    {
        bytes = 0;
        fixed (byte* start = buffer)
        {
            while (true)
            {
                // The stop flag is looked at after saying that we wait; StopReaders does it the other way round. The fence
                // keeps the two in order, so at least one side sees the other.
                _waiting = true;
                Interlocked.MemoryBarrier();
                if (_channel.IsStopping)
                {
                    _waiting = false;
                    return FuseReadOutcome.Stopped;
                }

                var error = Libc.Read(_descriptor, start, (nuint)buffer.Length, out var read);
                _waiting = false;
                switch (error)
                {
                    case Errno.None:
                        bytes = (int)read;
                        return FuseReadOutcome.Request;
                    case Errno.EINTR: // a signal, perhaps ours
                    case Errno.EAGAIN:
                    case Errno.ENOENT: // the request was interrupted before we could have it
                        continue;
                    case Errno.ENODEV:
                        return FuseReadOutcome.Unmounted;
                    case Errno.ECONNABORTED:
                        return FuseReadOutcome.Aborted;
                    default:
                        throw new LinuxException("read /dev/fuse", error);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _channel.Remove(this);
        _channel.Device.DangerousRelease();
    }
}
