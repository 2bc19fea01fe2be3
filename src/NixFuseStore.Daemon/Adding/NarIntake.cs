using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.ContentAddresses;

namespace NixFuseStore.Daemon.Adding;

/// <summary>Takes exactly one NAR out of a reader. Only what a NAR says of itself shows where it ends.</summary>
internal static class NarIntake
{
    /// <summary>Reads a NAR into an import, which parses it.</summary>
    /// <param name="reader">Stands behind the NAR afterwards.</param>
    /// <param name="import">Gets the bytes.</param>
    /// <param name="observe">Sees the bytes too; null for nothing.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DaemonStoreException">The bytes are no NAR, or not what they should be.</exception>
    /// <exception cref="AbandonedRequestException">They end before it does.</exception>
    internal static async ValueTask ReadAsync(WireReader reader, IPathImport import, Action<ReadOnlySpan<byte>>? observe, CancellationToken cancellationToken)
    {
        var length = 0L;
        while (!import.IsComplete)
        {
            var bytes = await PeekAsync(reader, length);
            int taken;
            try
            {
                taken = await import.WriteAsync(bytes, cancellationToken);
            }
            catch (Exception e) when (e is ContentAddressException or NarFormatException)
            {
                throw Refused(e);
            }

            observe?.Invoke(bytes.Span[..taken]);
            reader.Advance(taken);
            length += taken;
        }
    }

    /// <summary>Reads a NAR that goes nowhere, and shows its tree to the visitor.</summary>
    /// <param name="reader">Stands behind the NAR afterwards.</param>
    /// <param name="visitor">Hears of the tree.</param>
    /// <exception cref="DaemonStoreException">The bytes are no NAR, or not what they should be.</exception>
    /// <exception cref="AbandonedRequestException">They end before it does.</exception>
    internal static async ValueTask ReadAsync(WireReader reader, INarVisitor visitor)
    {
        var parser = new NarParser(visitor);
        while (!parser.IsComplete)
        {
            var bytes = await PeekAsync(reader, (long)parser.BytesConsumed);
            reader.Advance(Parse(parser, bytes.Span));
        }
    }

    private static async ValueTask<ReadOnlyMemory<byte>> PeekAsync(WireReader reader, long consumed)
    {
        var bytes = await reader.PeekAsync();
        return bytes.IsEmpty ? throw new AbandonedRequestException($"the NAR ends too early, after {consumed} bytes") : bytes;
    }

    private static int Parse(NarParser parser, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return parser.Write(bytes);
        }
        catch (Exception e) when (e is ContentAddressException or NarFormatException)
        {
            throw Refused(e);
        }
    }

    private static DaemonStoreException Refused(Exception cause) =>
        new(cause is NarFormatException ? $"the data is not a NAR: {cause.Message}" : cause.Message, cause);
}
