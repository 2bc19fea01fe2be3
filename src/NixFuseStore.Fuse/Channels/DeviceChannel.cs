using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Channels;

/// <summary>
/// The real line: an open <c>/dev/fuse</c>. Its descriptor is never cloned: answers must go where their request came
/// from, and with clones requests in flight would die with the process that read them.
/// </summary>
public sealed class DeviceChannel : IFuseChannel
{
    private readonly SafeFileHandle _device;
    private readonly Lock _gate = new();

    // Guarded by _gate: a thread is in here as long as it may be signalled.
    private readonly List<DeviceChannelReader> _readers = [];
    private volatile bool _stopping;

    /// <summary>Takes over the descriptor of a mounted <c>/dev/fuse</c>, which must be a blocking one.</summary>
    public DeviceChannel(SafeFileHandle device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _device = device;
    }

    /// <summary>The descriptor, for a process that takes over the mount. Stays with the channel.</summary>
    public SafeFileHandle Device => _device;

    internal bool IsStopping => _stopping;

    /// <inheritdoc/>
    public IFuseChannelReader OpenReader()
    {
        var reader = new DeviceChannelReader(this);
        lock (_gate)
        {
            _readers.Add(reader);
        }

        return reader;
    }

    /// <inheritdoc/>
    public Errno Write(ReadOnlySpan<IoVector> message)
    {
        // Held during the call, lest the number be closed and given to another file.
        var added = false;
        try
        {
            _device.DangerousAddRef(ref added);
            Errno error;
            do
            {
                error = Libc.WriteVector((int)_device.DangerousGetHandle(), message, out _);
            }
            while (error == Errno.EINTR);

            return error;
        }
        catch (ObjectDisposedException)
        {
            return Errno.ENODEV; // closed by us: to the one who answers, the mount is gone
        }
        finally
        {
            if (added)
            {
                _device.DangerousRelease();
            }
        }
    }

    /// <inheritdoc/>
    public void StopReaders()
    {
        // Blocking reads are used because the kernel then wakes one thread per request, not all; the price is that a
        // signal must end them. It may come too early to be noticed, so it is repeated until every reader is out.
        _stopping = true;
        while (SignalWaitingReaders())
        {
            Thread.Sleep(1);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _device.Dispose();

    internal void Remove(DeviceChannelReader reader)
    {
        lock (_gate)
        {
            _readers.Remove(reader);
        }
    }

    private bool SignalWaitingReaders()
    {
        var any = false;
        lock (_gate)
        {
            foreach (var reader in _readers)
            {
                if (reader.IsWaiting)
                {
                    any = true;
                    Libc.WakeThread(reader.Thread);
                }
            }
        }

        return any;
    }
}
