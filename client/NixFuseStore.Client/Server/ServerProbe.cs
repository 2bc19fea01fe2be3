using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace NixFuseStore.Client.Server;

/// <summary>
/// Finds out, after a server could not be talked to, whether it listens with TLS where none was asked for, or the other way round. Only for the
/// message: nothing that it says is believed.
/// </summary>
internal static class ServerProbe
{
    /// <summary>How long the user waits for a better message.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    /// <summary>A line that says what is wrong with the address, or null where that does not come out.</summary>
    public static async Task<string?> FindWrongSchemeAsync(Uri server, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(server.DnsSafeHost, server.Port, deadline.Token).ConfigureAwait(false);
            using var stream = new NetworkStream(socket);
            return server.Scheme == "https"
                ? await AnswersPlainAsync(stream, server, deadline.Token).ConfigureAwait(false)
                    ? $"server {server.GetLeftPart(UriPartial.Authority)} does not speak TLS; give its address with http:, or let it listen with a certificate"
                    : null
                : await AnswersTlsAsync(stream, server, deadline.Token).ConfigureAwait(false)
                    ? $"server {server.GetLeftPart(UriPartial.Authority)} speaks TLS; give its address with https:"
                    : null;
        }
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException or InvalidOperationException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    private static async Task<bool> AnswersTlsAsync(NetworkStream stream, Uri server, CancellationToken cancellationToken)
    {
        using var tls = new SslStream(stream);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = server.DnsSafeHost,
#pragma warning disable CA5359 // Nothing is sent and nothing believed: that the handshake ends at all is the answer.
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            },
            cancellationToken).ConfigureAwait(false);
        return true;
    }

    private static async Task<bool> AnswersPlainAsync(NetworkStream stream, Uri server, CancellationToken cancellationToken)
    {
        var request = $"GET / HTTP/1.1\r\nHost: {server.Authority}\r\nConnection: close\r\n\r\n";
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(request), cancellationToken).ConfigureAwait(false);
        var answer = new byte[5];
        var length = await stream.ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return answer.AsSpan(0, length).SequenceEqual("HTTP/"u8);
    }
}
