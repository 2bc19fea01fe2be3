using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace NixFuseStore.Server.Listening;

/// <summary>A listener whose connections come from within the process; also the factory that Kestrel asks for it.</summary>
internal sealed class ConnectionHandoffListener : IConnectionListener, IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    // Unbounded: nothing waits here for longer than it takes Kestrel's accept loop to come round.
    private readonly Channel<HandedOffConnection> _connections = Channel.CreateUnbounded<HandedOffConnection>(
        new UnboundedChannelOptions { SingleReader = true });

    public EndPoint EndPoint { get; } = new ConnectionHandoffEndPoint();

    public bool CanBind(EndPoint endpoint) => endpoint is ConnectionHandoffEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        endpoint is ConnectionHandoffEndPoint
            ? ValueTask.FromResult<IConnectionListener>(this)
            : throw new NotSupportedException($"{endpoint} has to be bound by a socket");

    /// <summary>Serves a connection at this endpoint.</summary>
    /// <returns>Ends when the connection has been served.</returns>
    public Task ServeAsync(ConnectionContext connection)
    {
        var handed = new HandedOffConnection(connection);
        if (!_connections.Writer.TryWrite(handed))
        {
            // The server is stopping; the connection closes when its middleware returns.
            return Task.CompletedTask;
        }

        return handed.Served;
    }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _connections.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _connections.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _connections.Writer.TryComplete();
        while (_connections.Reader.TryRead(out var connection))
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
