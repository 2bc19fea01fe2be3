using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.ContentAddresses;

namespace NixFuseStore.Daemon.Adding;

/// <summary>Takes exactly one NAR out of a reader. Only what a NAR says of itself shows where it ends.</summary>
internal static class NarIntake
{
    /// <summary>Reads a NAR, shows its tree to the visitor, and passes its bytes on.</summary>
    /// <param name="reader">Stands behind the NAR afterwards.</param>
    /// <param name="visitor">Hears of the tree.</param>
    /// <param name="pass">Gets the bytes in pieces, which are valid during the call; null to drop them.</param>
    /// <exception cref="DaemonStoreException">The bytes are no NAR.</exception>
    /// <exception cref="AbandonedRequestException">They end before it does.</exception>
    internal static async ValueTask ReadAsync(WireReader reader, INarVisitor visitor, Func<ReadOnlyMemory<byte>, ValueTask>? pass)
    {
        var parser = new NarParser(visitor);
        while (!parser.IsComplete)
        {
            var bytes = await reader.PeekAsync();
            if (bytes.IsEmpty)
            {
                throw new AbandonedRequestException($"the NAR ends too early, after {parser.BytesConsumed} bytes");
            }

            int length = Parse(parser, bytes.Span);
            if (pass is not null)
            {
                await pass(bytes[..length]);
            }

            reader.Advance(length);
        }
    }

    private static int Parse(NarParser parser, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return parser.Write(bytes);
        }
        catch (ContentAddressException e)
        {
            throw new DaemonStoreException(e.Message, e);
        }
        catch (NarFormatException e)
        {
            throw new DaemonStoreException($"the data is not a NAR: {e.Message}", e);
        }
    }
}
