using NixFuseStore.Fuse.Channels;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Benchmarks;

/// <summary>A line that takes every message and keeps none.</summary>
internal sealed class FuseDispatchSink : IFuseChannel
{
    public IFuseChannelReader OpenReader() => throw new NotSupportedException();

    public Errno Write(ReadOnlySpan<IoVector> message) => Errno.None;

    public void StopReaders()
    {
    }

    public void Dispose()
    {
    }
}
