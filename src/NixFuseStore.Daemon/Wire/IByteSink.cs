namespace NixFuseStore.Daemon.Wire;

/// <summary>Where a <see cref="WireWriter"/> puts its bytes.</summary>
internal interface IByteSink
{
    /// <summary>Takes all of the bytes, which are valid during the call.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes);
}
