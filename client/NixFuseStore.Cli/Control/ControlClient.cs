using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.LocalSockets;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Control;

/// <summary>Asks processes that serve mounts: root's and this user's, of whose sockets the kernel says that they are.</summary>
internal static class ControlClient
{
    /// <summary>A reply that is longer is none of ours. A status has some kilobytes.</summary>
    internal const int ReplyBytesMax = 1 << 20;

    private const string SocketSuffix = ".sock";

    private static readonly TimeSpan StatusTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Long work sends a sign of life every <see cref="ControlServer.HeartbeatInterval"/>.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(60);

    /// <summary>The status of every mount that answers, with the socket to ask further. Sockets of dead processes of this user are removed.</summary>
    public static async Task<IReadOnlyList<(ControlAddress Socket, MountStatus Status)>> FindMountsAsync(CancellationToken cancellationToken)
    {
        var sockets = new List<ControlAddress>();
        foreach (var directory in RuntimeDirectory.OpenBelieved())
        {
            using (directory)
            {
                sockets.AddRange(directory.ListSockets(SocketSuffix).Select(name => new ControlAddress(directory.Path, name)));
            }
        }

        var answers = await Task.WhenAll(sockets.Select(socket => TryGetStatusAsync(socket, cancellationToken))).ConfigureAwait(false);
        return
        [
            .. sockets.Zip(answers).Where(static answer => answer.Second is not null).Select(static answer => (answer.First, answer.Second!))
                .OrderBy(static answer => answer.Item2.MountPoint, StringComparer.Ordinal),
        ];
    }

    /// <summary>Sends a request and returns the replies as they come, until the other side closes the connection.</summary>
    /// <exception cref="CliException">A reply says that it failed, or none comes for a minute.</exception>
    /// <exception cref="SocketException">Nothing listens there any more.</exception>
    /// <exception cref="IOException">It is not a socket to be believed, or the connection failed.</exception>
    public static async IAsyncEnumerable<ControlReply> AskAsync(
        ControlAddress address, ControlRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var directory = SocketDirectory.TryOpen(address.Directory, SocketDirectory.IsBelieved, out var error)
            ?? throw new LinuxException($"open {address.Directory}", error);
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(SilenceMax);
        using var connection = await directory.ConnectAsync(address.Name, silence.Token).ConfigureAwait(false);
        await using var stream = new NetworkStream(connection);
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(request, ControlJson.Default.ControlRequest), (byte)'\n'];
        await stream.WriteAsync(line, silence.Token).ConfigureAwait(false);
        var reader = new LineReader(stream, ReplyBytesMax);
        while (await ReadAsync(reader, address, silence, cancellationToken).ConfigureAwait(false) is { } reply)
        {
            silence.CancelAfter(SilenceMax);
            yield return reply.Error is { } failure ? throw new CliException(failure) : reply;
        }
    }

    private static async ValueTask<ControlReply?> ReadAsync(
        LineReader reader, ControlAddress address, CancellationTokenSource silence, CancellationToken cancellationToken)
    {
        try
        {
            return await reader.ReadAsync(silence.Token).ConfigureAwait(false) is { } text
                ? JsonSerializer.Deserialize(text, ControlJson.Default.ControlReply)
                : null;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"the process behind {Path.Join(address.Directory, address.Name)} has not answered for {SilenceMax.TotalSeconds:0} s; its log may say why", e);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new CliException($"the process behind {Path.Join(address.Directory, address.Name)} does not answer as nixfuse does: {e.Message.TrimEnd('.')}", e);
        }
    }

    private static async Task<MountStatus?> TryGetStatusAsync(ControlAddress socket, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(StatusTimeout);
        try
        {
            await foreach (var reply in AskAsync(socket, new ControlRequest(ControlRequest.Status), deadline.Token).ConfigureAwait(false))
            {
                if (reply.Status is { } status)
                {
                    return status;
                }
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            RemoveDead(socket);
        }
        catch (Exception e) when (e is SocketException or IOException or CliException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // One that is just ending, or hangs: the others still have something to say.
        }

        return null;
    }

    // A socket listens before it has its name, so that one which refuses connections is a dead process's.
    private static void RemoveDead(ControlAddress socket)
    {
        using var directory = SocketDirectory.TryOpen(socket.Directory, SocketDirectory.IsBelieved, out _);
        directory?.TryRemove(socket.Name);
    }
}

/// <summary>A control socket of a directory that this user believes. Both are checked again at each connection.</summary>
/// <param name="Directory">The directory's path.</param>
/// <param name="Name">The socket's name in it.</param>
internal sealed record ControlAddress(string Directory, string Name);
