using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace NixFuseStore.Server.Listening;

/// <summary>
/// Lets cleartext HTTP/2 and HTTP/1.1 share a port, which Kestrel does not offer: looks at the first bytes of a connection and hands
/// those that begin with the HTTP/2 preface (RFC 9113 section 3.4) over to an endpoint that speaks nothing else.
/// The bytes stay where they are, so neither side pays for it afterwards.
/// </summary>
internal sealed class PrefaceSwitch(ConnectionHandoffListener http2)
{
    /// <summary>How long a client may take to send enough to tell the protocols apart.</summary>
    private static readonly TimeSpan FirstBytesTimeout = TimeSpan.FromSeconds(30);

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>The connection middleware of an endpoint that speaks HTTP/1.1.</summary>
    public ConnectionDelegate Wrap(ConnectionDelegate http1) => async connection =>
    {
        switch (await PeekAsync(connection).ConfigureAwait(false))
        {
            case true:
                await http2.ServeAsync(connection).ConfigureAwait(false);
                break;
            case false:
                await http1(connection).ConfigureAwait(false);
                break;
            default:
                break;
        }
    };

    /// <summary>Compares what has arrived with the preface.</summary>
    /// <returns>Null where that cannot be said yet.</returns>
    internal static bool? BeginsWithPreface(in ReadOnlySequence<byte> bytes)
    {
        Span<byte> first = stackalloc byte[Preface.Length];
        var length = (int)Math.Min(bytes.Length, first.Length);
        bytes.Slice(0, length).CopyTo(first);
        return !Preface.StartsWith(first[..length]) ? false : length == Preface.Length ? true : null;
    }

    private static async Task<bool?> PeekAsync(ConnectionContext connection)
    {
        var input = connection.Transport.Input;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        timeout.CancelAfter(FirstBytesTimeout);
        try
        {
            while (true)
            {
                var result = await input.ReadAsync(timeout.Token).ConfigureAwait(false);
                var answer = BeginsWithPreface(result.Buffer);
                if (answer is not null || result.IsCompleted || result.IsCanceled)
                {
                    input.AdvanceTo(result.Buffer.Start);
                    return answer;
                }

                input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            // The peer went away, or said nothing: there is no one to answer.
            return null;
        }
    }
}
