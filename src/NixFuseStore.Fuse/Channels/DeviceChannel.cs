using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Channels;

/// <summary>The real line: an open <c>/dev/fuse</c>.</summary>
public sealed class DeviceChannel : IFuseChannel
{
    private readonly SafeFileHandle _device;

    /// <summary>Takes over the descriptor of a mounted <c>/dev/fuse</c>.</summary>
    public DeviceChannel(SafeFileHandle device)
    {
        _device = device;
    }

    /// <inheritdoc/>
    public IFuseChannelReader OpenReader() => throw new NotSupportedException();

    /// <inheritdoc/>
    public Errno Write(ReadOnlySpan<IoVector> message) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void StopReaders() => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Dispose() => _device.Dispose();
}
