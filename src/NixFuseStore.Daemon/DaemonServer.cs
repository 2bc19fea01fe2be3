using System.Net.Sockets;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Daemon;

/// <summary>
/// Serves a store to stock Nix over a listening unix socket: the worker protocol, 1.18 to 1.38. Each connection is a loop of its own
/// that waits without a thread; none holds up another. Where there is room for no more, the user with most connections loses the one that has
/// been idle for longest, so that one user's clients never keep out another's.
/// </summary>
public sealed class DaemonServer : IAsyncDisposable
{
    // Refusals cost a connection too; beyond so many at a time clients are hung up on.
    private const int RefusalsMax = 64;

    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    // A listener that cannot accept says so at most this often.
    private static readonly TimeSpan NoticeInterval = TimeSpan.FromSeconds(30);

    private readonly Socket _listener;
    private readonly DaemonOptions _options;
    private readonly DaemonServices _services;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<Client, Task> _clients = [];
    private readonly Lock _gate = new();
    private readonly ITimer _watch;
    private readonly Task _accepting;

    /// <summary>Begins to accept connections.</summary>
    /// <param name="listener">Bound and listening; the server owns it from now on. The one that bound it removes its path.</param>
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
        _watch = options.Clock.CreateTimer(_ => TryWatchClients(), null, options.WatchInterval, options.WatchInterval);
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
        long? noticed = null;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                Begin(await _listener.AcceptAsync(_stopping.Token));
            }
            catch (Exception) when (_stopping.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever one connection fails with: the socket goes on accepting others.
            catch (Exception e)
#pragma warning restore CA1031
            {
                // Out of descriptors, mostly: an idle client gives its own. Those that connect wait meanwhile.
                EndLongestIdle();
                if (noticed is not { } before || _options.Clock.GetElapsedTime(before) > NoticeInterval)
                {
                    noticed = _options.Clock.GetTimestamp();
                    _options.Notice($"the Nix daemon socket cannot accept a connection, and goes on trying: {e.Message}");
                }

                await Task.Delay(AcceptPause, _options.Clock, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Begin(Socket socket)
    {
        PeerProcess peer;
        try
        {
            peer = PeerProcess.Of(socket.SafeHandle);
        }
        catch (LinuxException)
        {
            // The client went before it was asked who it is.
            socket.Dispose();
            return;
        }

        lock (_gate)
        {
            if (ServedCount() >= _options.ConnectionsMax)
            {
                EndLongestIdle();
            }

            if (_stopping.IsCancellationRequested || _clients.Count >= _options.ConnectionsMax + RefusalsMax)
            {
                socket.Dispose();
                return;
            }

            string? refusal = ServedCount() < _options.ConnectionsMax
                ? null
                : $"this daemon serves {_options.ConnectionsMax} connections already, its limit; try again later";
            var client = new Client(new SocketTransport(socket, _options), peer, isServed: refusal is null, _stopping.Token);
            _clients.Add(client, Task.Run(() => ServeAsync(client, refusal)));
        }
    }

    private async Task ServeAsync(Client client, string? refusal)
    {
        try
        {
            var connection = new DaemonConnection(client.Transport, _services, Describe(client.Peer));
            await connection.RunAsync(refusal, client.Ended);
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

    private static DaemonPeer Describe(PeerProcess peer) => new(peer.ProcessId, peer.UserId, peer.GroupId)
    {
        Groups = peer.Groups,
        StartTicks = peer.StartTicks,
        SharesNamespaces = peer.SharesNamespaces,
        ForeignMounts = peer.Namespaces?.Mount is { } mount && mount != ProcessNamespaces.Own?.Mount ? mount : null,
    };

    // Under the lock. A client that is told to go gives up its place at once, since its descriptor is closed.
    private int ServedCount() => _clients.Keys.Count(static client => client.IsServed && !client.IsEnding);

    /// <summary>Hangs up on the client that has been idle for longest, of the user (of a pid namespace) who has most connections.</summary>
    private void EndLongestIdle()
    {
        lock (_gate)
        {
            var owners = _clients.Keys.Where(static client => client.IsServed && !client.IsEnding).GroupBy(static client => client.Owner);
            foreach (var owner in owners.OrderByDescending(static clients => clients.Count()))
            {
                if (owner.Where(static client => client.Transport.IdleSince is not null).MinBy(static client => client.Transport.IdleSince) is { } idle)
                {
                    idle.End();
                    return;
                }
            }
        }
    }

    private void TryWatchClients()
    {
        try
        {
            WatchClients();
        }
#pragma warning disable CA1031 // An exception that leaves a timer ends the process, and with it the mount.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _options.Notice($"looking after the clients of the Nix daemon socket failed: {e.GetType().Name}: {e.Message}");
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

    private sealed class Client(SocketTransport transport, PeerProcess peer, bool isServed, CancellationToken stopping)
    {
        private readonly CancellationTokenSource _ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        private Task _ending = Task.CompletedTask;

        internal SocketTransport Transport { get; } = transport;

        internal PeerProcess Peer { get; } = peer;

        internal bool IsServed { get; } = isServed;

        // A container's root is another user than the host's.
        internal (uint UserId, string? PidNamespace) Owner => (Peer.UserId, Peer.Namespaces?.Pid);

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
