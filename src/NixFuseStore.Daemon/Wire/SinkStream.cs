using NixFuseStore.Native.Streams;

namespace NixFuseStore.Daemon.Wire;

/// <summary>A stream to be written once, for those who write streams. What is written waits until it has been passed on.</summary>
internal sealed class SinkStream(Func<ReadOnlyMemory<byte>, ValueTask> pass) : ForwardWriteStream
{
    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => pass(buffer);
}
