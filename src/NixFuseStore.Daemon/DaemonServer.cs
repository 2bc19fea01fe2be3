using System.Net.Sockets;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Daemon;

/// <summary>
/// Serves a store to stock Nix over a listening unix socket: the worker protocol, 1.18 to 1.38. Each connection is a loop of its own
/// that waits without a thread; none holds up another.
/// </summary>
public sealed class DaemonServer : IAsyncDisposable
{
    // Refusals cost a connection too; beyond so many at a time clients are hung up on.
    private const int RefusalsMax = 64;

    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _listener;
    private readonly DaemonOptions _options;
    private readonly DaemonServices _services;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<Client, Task> _clients = [];
    private readonly Lock _gate = new();
    private readonly ITimer _watch;
    private readonly Task _accepting;

    /// <summary>Begins to accept connections.</summary>
    /// <param name="listener">Bound and listening; the server owns it from now on. Whoever bound it removes its path.</param>
    /// <param name="store">What is served.</param>
    /// <param name="builder">What builds; <see cref="RefusingBuilder"/> where nothing does.</param>
    /// <param name="options">The settings.</param>
    public DaemonServer(Socket listener, IDaemonStore store, IBuilder builder, DaemonOptions options)
    {
        ArgumentNullException.ThrowIfNull(listener);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(options);
        _listener = listener;
        _options = options;
        _services = new DaemonServices(store, builder, options);
        _watch = options.Clock.CreateTimer(_ => WatchClients(), null, options.WatchInterval, options.WatchInterval);
        _accepting = AcceptAsync();
    }

    /// <summary>Connections open now, for status and tests.</summary>
    public int ConnectionCount
    {
        get
        {
            lock (_gate)
            {
                return _clients.Count;
            }
        }
    }

    /// <summary>Hangs up on all clients, and returns when what they had asked for has ended.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await _watch.DisposeAsync();
        Task[] connections;
        lock (_gate)
        {
            foreach (var client in _clients.Keys)
            {
                client.End();
            }

            connections = [.. _clients.Values];
        }

        await Task.WhenAll(connections);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Begin(await _listener.AcceptAsync(_stopping.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of descriptors, mostly. Clients wait meanwhile.
                _options.Notice($"the Nix daemon socket cannot accept a connection: {e.Message}");
                await Task.Delay(AcceptPause, _options.Clock, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Begin(Socket socket)
    {
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested || _clients.Count >= _options.ConnectionsMax + RefusalsMax)
            {
                socket.Dispose();
                return;
            }

            string? refusal = _clients.Count < _options.ConnectionsMax
                ? null
                : $"this daemon serves {_options.ConnectionsMax} connections already, its limit; try again later";
            var client = new Client(new SocketTransport(socket, _options), _stopping.Token);
            _clients.Add(client, Task.Run(() => ServeAsync(client, socket, refusal)));
        }
    }

    private async Task ServeAsync(Client client, Socket socket, string? refusal)
    {
        try
        {
            var (processId, userId, groupId) = Libc.PeerOf(socket.SafeHandle);
            var connection = new DaemonConnection(client.Transport, _services, new DaemonPeer(processId, userId, groupId));
            await connection.RunAsync(refusal, client.Ended);
        }
        catch (LinuxException)
        {
            // The client went before it was asked who it is.
        }
        finally
        {
            lock (_gate)
            {
                _clients.Remove(client);
            }

            await client.CloseAsync();
        }
    }

    private void WatchClients()
    {
        lock (_gate)
        {
            foreach (var client in _clients.Keys)
            {
                if (!client.IsEnding && client.Transport.Watch())
                {
                    client.End();
                }
            }
        }
    }

    private sealed class Client(SocketTransport transport, CancellationToken stopping)
    {
        private readonly CancellationTokenSource _ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        private Task _ending = Task.CompletedTask;

        internal SocketTransport Transport { get; } = transport;

        internal CancellationToken Ended => _ended.Token;

        internal bool IsEnding { get; private set; }

        // Under the server's lock. What was waiting goes on on threads of its own.
        internal void End()
        {
            if (!IsEnding)
            {
                IsEnding = true;
                Transport.Dispose();
                _ending = _ended.CancelAsync();
            }
        }

        // Once the server does not know the client any more.
        internal async ValueTask CloseAsync()
        {
            await _ending;
            Transport.Dispose();
            _ended.Dispose();
        }
    }
}
