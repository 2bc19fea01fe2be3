using System.Net.Sockets;
using System.Text.Json;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Control;

/// <summary>Answers requests on the control socket. Everybody may ask for the status; the rest is for the owner and root.</summary>
internal sealed class ControlServer : IAsyncDisposable
{
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int PeerCredentials = 17; // SO_PEERCRED
    private const int CredentialsBytes = 12;
    private const int ConnectionsMax = 16;

    private const UnixFileMode EverybodyWrites =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private readonly string _path;
    private readonly Socket _listener;
    private readonly Func<ControlRequest, Func<ControlReply, Task>, CancellationToken, Task> _handler;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _room = new(ConnectionsMax);
    private readonly Lock _gate = new();
    private readonly HashSet<Socket> _connections = []; // guarded by _gate
    private readonly Task _accepting;

    private ControlServer(string path, Socket listener, Func<ControlRequest, Func<ControlReply, Task>, CancellationToken, Task> handler)
    {
        _path = path;
        _listener = listener;
        _handler = handler;
        _accepting = AcceptAsync();
    }

    /// <summary>Begins to listen.</summary>
    /// <param name="handler">Answers a request: sends replies through the function it is given. What it throws becomes an error reply.</param>
    /// <exception cref="CliException">The socket cannot be made.</exception>
    public static ControlServer Start(Func<ControlRequest, Func<ControlReply, Task>, CancellationToken, Task> handler)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            var path = ControlDirectory.NewSocketPath();
            listener.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, EverybodyWrites);
            listener.Listen(ConnectionsMax);
            return new ControlServer(path, listener, handler);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            listener.Dispose();
            throw new CliException($"cannot make the control socket: {e.Message}", e);
        }
    }

    /// <summary>Stops listening, and closes the connections of those who wait for the end.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        File.Delete(_path);
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            foreach (var connection in _connections)
            {
                connection.Dispose();
            }
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            await _room.WaitAsync(_stopping.Token).ConfigureAwait(false);
            var connection = await _listener.AcceptAsync(_stopping.Token).ConfigureAwait(false);
            _ = ServeAsync(connection);
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        lock (_gate)
        {
            _connections.Add(connection);
        }

        try
        {
            var stream = new NetworkStream(connection);
            using var reader = new StreamReader(stream);
            if (await reader.ReadLineAsync(_stopping.Token).ConfigureAwait(false) is { } line)
            {
                await AnswerAsync(connection, stream, line).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Whoever asked has gone, or we are going.
        }
        finally
        {
            lock (_gate)
            {
                _connections.Remove(connection);
            }

            connection.Dispose();
            _room.Release();
        }
    }

    private async Task AnswerAsync(Socket connection, NetworkStream stream, string line)
    {
        var sending = new SemaphoreSlim(1);
        try
        {
            var request = JsonSerializer.Deserialize(line, ControlJson.Default.ControlRequest)
                ?? throw new CliException("the request is empty");
            if (request.Command != ControlRequest.Status && !MayChange(connection))
            {
                throw new CliException($"only root and the user who mounted may {request.Command}");
            }

            await _handler(request, SendAsync, _stopping.Token).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever goes wrong: who asked is told, and the mount goes on.
        catch (Exception e) when (e is not (OperationCanceledException or ObjectDisposedException))
#pragma warning restore CA1031
        {
            await SendAsync(new ControlReply { Error = ErrorLine.Describe(e) }).ConfigureAwait(false);
        }

        async Task SendAsync(ControlReply reply)
        {
            byte[] bytes = [.. JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply), (byte)'\n'];
            // Progress comes from several threads.
            await sending.WaitAsync(_stopping.Token).ConfigureAwait(false);
            try
            {
                await stream.WriteAsync(bytes, _stopping.Token).ConfigureAwait(false);
            }
            finally
            {
                sending.Release();
            }
        }
    }

    private static bool MayChange(Socket connection)
    {
        var credentials = new byte[CredentialsBytes];
        connection.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
        var user = Libc.PeerUserId(credentials);
        return user == 0 || user == Libc.EffectiveUserId;
    }
}
