using NixFuseStore.Fuse.Channels;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Sessions;

/// <summary>A line that takes every message and keeps none.</summary>
internal sealed class SinkChannel : IFuseChannel
{
    public int Messages { get; private set; }

    public IFuseChannelReader OpenReader() => throw new NotSupportedException();

    public Errno Write(ReadOnlySpan<IoVector> message)
    {
        Messages++;
        return Errno.None;
    }

    public void StopReaders()
    {
    }

    public void Dispose()
    {
    }
}
