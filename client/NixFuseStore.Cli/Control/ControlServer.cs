using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.LocalSockets;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Control;

/// <summary>
/// Answers requests on the control socket. Every user may ask for the status; the rest is for the owner and root. Other users can neither
/// fill memory (a request of theirs is short, and has to come at once) nor take the places that the owner and root need.
/// </summary>
internal sealed class ControlServer : IAsyncDisposable
{
    /// <summary>How often a client that waits for long work hears that it is still being done.</summary>
    internal static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(10);

    private const int OwnersConnectionsMax = 16;
    private const int OthersConnectionsMax = 8;
    private const int ConnectionsPerUserMax = 4;
    private const int Backlog = 128;

    /// <summary>The owner may name as many paths as a command line holds.</summary>
    private const int OwnersRequestBytesMax = 4 << 20;
    private const int OthersRequestBytesMax = 4096;

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ReplyTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    private const UnixFileMode EveryUserConnects =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    private readonly SocketDirectory _directory;
    private readonly string _name;
    private readonly Socket _listener;
    private readonly Func<ControlRequest, Func<ControlReply, Task>, CancellationToken, Task> _handler;
    private readonly Action<string> _log;
    private readonly TimeSpan _heartbeat;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<Socket, uint> _connections = []; // with their users; guarded by _gate
    private readonly Task _accepting;

    private ControlServer(
        SocketDirectory directory,
        string name,
        Socket listener,
        Func<ControlRequest, Func<ControlReply, Task>, CancellationToken, Task> handler,
        Action<string> log,
        TimeSpan heartbeat)
    {
        _heartbeat = heartbeat;
        _directory = directory;
        _name = name;
        _listener = listener;
        _handler = handler;
        _log = log;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Begins to listen in a directory, which it disposes.</summary>
    /// <param name="directory">This user's directory of control sockets.</param>
    /// <param name="handler">Answers a request: sends replies through the function it is given. What it throws becomes an error reply.</param>
    /// <param name="log">Told in one line what an operator should know.</param>
    /// <param name="heartbeat">Another <see cref="HeartbeatInterval"/>.</param>
    /// <exception cref="CliException">The socket cannot be made.</exception>
    public static ControlServer Start(
        SocketDirectory directory,
        Func<ControlRequest, Func<ControlReply, Task>, CancellationToken, Task> handler,
        Action<string> log,
        TimeSpan? heartbeat = null)
    {
        // Process ids are no names: two containers may share /run. No secret, so OpenSSL need not make its random numbers ready for it.
        var name = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}.sock");
        try
        {
            return new ControlServer(directory, name, directory.Listen(name, EveryUserConnects, Backlog), handler, log, heartbeat ?? HeartbeatInterval);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            directory.Dispose();
            throw new CliException($"cannot make the control socket in {directory.Path}: {e.Message}", e);
        }
    }

    /// <summary>Goes on listening at a socket that another process has made and handed on.</summary>
    /// <param name="directory">This user's directory of control sockets; disposed with the server.</param>
    /// <param name="name">The socket's name there.</param>
    /// <param name="listener">It; stays the caller's.</param>
    /// <param name="handler">Answers a request.</param>
    /// <param name="log">Told in one line what an operator should know.</param>
    public static ControlServer Resume(
        SocketDirectory directory,
        string name,
        SafeHandle listener,
        Func<ControlRequest, Func<ControlReply, Task>, CancellationToken, Task> handler,
        Action<string> log) =>
        new(directory, name, new Socket(new SafeSocketHandle(listener.DangerousGetHandle(), ownsHandle: false)), handler, log, HeartbeatInterval);

    /// <summary>The socket, for a process that goes on with it.</summary>
    public SafeHandle Listener => _listener.SafeHandle;

    /// <summary>Where it listens.</summary>
    public ControlAddress Address => new(_directory.Path, _name);

    /// <summary>Stops listening, and closes the connections of those who wait for the end.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _directory.TryRemove(_name);
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            foreach (var connection in _connections.Keys)
            {
                connection.Dispose();
            }
        }

        _directory.Dispose();
    }

    private static bool IsOwner(uint user) => user == 0 || user == Libc.EffectiveUserId;

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Begin(await _listener.AcceptAsync(_stopping.Token).ConfigureAwait(false));
            }
            catch (Exception) when (_stopping.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever one connection fails with, such as too many open files: without this socket the mount could not be ended.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _log($"the control socket cannot accept a connection, and goes on trying: {e.Message}");
                await Task.Delay(AcceptPause, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Begin(Socket connection)
    {
        try
        {
            var user = Libc.PeerOf(connection.SafeHandle).UserId;
            if (TryAdd(connection, user))
            {
                _ = Task.Run(() => ServeAsync(connection, user));
                return;
            }
        }
        catch (LinuxException)
        {
            // It went before it was asked who it is.
        }

        connection.Dispose();
    }

    private bool TryAdd(Socket connection, uint user)
    {
        lock (_gate)
        {
            var sameUser = _connections.Values.Count(other => other == user);
            var hasRoom = IsOwner(user)
                ? _connections.Values.Count(IsOwner) < OwnersConnectionsMax
                : sameUser < ConnectionsPerUserMax && _connections.Values.Count(static other => !IsOwner(other)) < OthersConnectionsMax;
            if (hasRoom)
            {
                _connections.Add(connection, user);
            }

            return hasRoom;
        }
    }

    private async Task ServeAsync(Socket connection, uint user)
    {
        try
        {
            await using var stream = new NetworkStream(connection);
            await AnswerAsync(stream, user).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The other side has gone, or we are going; or a fault that concerns this connection alone.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (e is not (IOException or SocketException or OperationCanceledException or ObjectDisposedException))
            {
                _log($"a request on the control socket failed: {ErrorLine.Describe(e)}");
            }
        }
        finally
        {
            lock (_gate)
            {
                _connections.Remove(connection);
            }

            connection.Dispose();
        }
    }

    private async Task AnswerAsync(NetworkStream stream, uint user)
    {
        // 1. The request, soon.
        using var replies = new ReplyWriter(stream, _stopping.Token);
        ControlRequest request;
        try
        {
            if (await ReadAsync(stream, user).ConfigureAwait(false) is not { } read)
            {
                return;
            }

            request = read;
            if (request.Command != ControlRequest.Status && !IsOwner(user))
            {
                throw new CliException($"only root and the user who mounted may {request.Command}");
            }
        }
        catch (Exception e) when (e is CliException or InvalidDataException or JsonException)
        {
            await replies.SendAsync(new ControlReply { Error = ErrorLine.Describe(e) }).ConfigureAwait(false);
            return;
        }

        // 2. Its answer, however long that takes, unless the client goes.
        using var answered = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        var beating = BeatAsync(replies, answered);
        try
        {
            await _handler(request, replies.SendAsync, answered.Token).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever goes wrong: the client is told, and the mount goes on.
        catch (Exception e) when (e is not (OperationCanceledException or ObjectDisposedException))
#pragma warning restore CA1031
        {
            await replies.SendAsync(new ControlReply { Error = ErrorLine.Describe(e) }).ConfigureAwait(false);
        }
        finally
        {
            await answered.CancelAsync().ConfigureAwait(false);
            await beating.ConfigureAwait(false);
        }
    }

    private async Task<ControlRequest?> ReadAsync(NetworkStream stream, uint user)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        deadline.CancelAfter(RequestTimeout);
        var reader = new LineReader(stream, IsOwner(user) ? OwnersRequestBytesMax : OthersRequestBytesMax);
        return await reader.ReadAsync(deadline.Token).ConfigureAwait(false) is { } line
            ? JsonSerializer.Deserialize(line, ControlJson.Default.ControlRequest) ?? throw new CliException("the request is empty")
            : null;
    }

    private async Task BeatAsync(ReplyWriter replies, CancellationTokenSource answered)
    {
        try
        {
            while (true)
            {
                await Task.Delay(_heartbeat, answered.Token).ConfigureAwait(false);
                await replies.SendAsync(new ControlReply()).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // Answered, or the client has gone: what it asked for ends.
            await answered.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Writes replies one at a time, each within a deadline: progress comes from several threads.</summary>
    private sealed class ReplyWriter(NetworkStream stream, CancellationToken stopping) : IDisposable
    {
        private readonly SemaphoreSlim _turn = new(1);

        public void Dispose() => _turn.Dispose();

        public async Task SendAsync(ControlReply reply)
        {
            byte[] bytes = [.. JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply), (byte)'\n'];
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            deadline.CancelAfter(ReplyTimeout);
            await _turn.WaitAsync(deadline.Token).ConfigureAwait(false);
            try
            {
                await stream.WriteAsync(bytes, deadline.Token).ConfigureAwait(false);
            }
            finally
            {
                _turn.Release();
            }
        }
    }
}
