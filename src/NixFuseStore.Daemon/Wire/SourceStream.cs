using NixFuseStore.Native.Streams;

namespace NixFuseStore.Daemon.Wire;

/// <summary>A stream that reads what is left of a request's data, for those who read streams.</summary>
internal sealed class SourceStream(WireReader reader) : ForwardReadStream
{
    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => reader.ReadRawAsync(buffer);
}
