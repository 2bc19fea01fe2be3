namespace NixFuseStore.Daemon.Wire;

/// <summary>Where a <see cref="WireReader"/> gets its bytes.</summary>
internal interface IByteSource
{
    /// <summary>Waits for one byte at least and takes as many as there are; 0 at the end.</summary>
    ValueTask<int> ReadAsync(Memory<byte> destination);
}
