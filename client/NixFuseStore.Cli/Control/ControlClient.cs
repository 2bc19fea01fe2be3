using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace NixFuseStore.Cli.Control;

/// <summary>Asks processes that serve mounts.</summary>
internal static class ControlClient
{
    private static readonly TimeSpan StatusTimeout = TimeSpan.FromSeconds(5);

    /// <summary>The status of every mount that answers, with the socket to ask further. Sockets of dead processes are removed.</summary>
    public static async Task<IReadOnlyList<(string Socket, MountStatus Status)>> FindMountsAsync(CancellationToken cancellationToken)
    {
        var answers = await Task.WhenAll(ControlDirectory.Sockets().Select(socket => TryGetStatusAsync(socket, cancellationToken))).ConfigureAwait(false);
        return [.. answers.Where(answer => answer.Status is not null).Select(answer => (answer.Socket, answer.Status!)).OrderBy(answer => answer.Item2.MountPoint, StringComparer.Ordinal)];
    }

    /// <summary>Sends a request and returns the replies as they come, until the other side closes the connection.</summary>
    /// <exception cref="CliException">A reply says that it failed.</exception>
    /// <exception cref="SocketException">Nobody listens.</exception>
    public static async IAsyncEnumerable<ControlReply> AskAsync(
        string socket, ControlRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellationToken).ConfigureAwait(false);
        using var stream = new NetworkStream(connection);
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest), (byte)'\n'];
        await stream.WriteAsync(line, cancellationToken).ConfigureAwait(false);
        using var reader = new StreamReader(stream);
        while (await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } text)
        {
            var reply = JsonSerializer.Deserialize(text, ControlJson.Default.ControlReply)!;
            yield return reply.Error is { } error ? throw new CliException(error) : reply;
        }
    }

    private static async Task<(string Socket, MountStatus? Status)> TryGetStatusAsync(string socket, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(StatusTimeout);
        try
        {
            await foreach (var reply in AskAsync(socket, new ControlRequest(ControlRequest.Status), deadline.Token).ConfigureAwait(false))
            {
                if (reply.Status is { } status)
                {
                    return (socket, status);
                }
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            RemoveDead(socket);
        }
        catch (Exception e) when (e is SocketException or IOException or CliException or JsonException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // One that is just starting or ending, hangs, or is another user's: the others still have something to say.
        }

        return (socket, null);
    }

    private static void RemoveDead(string socket)
    {
        try
        {
            File.Delete(socket);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Its owner will.
        }
    }
}
