using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Listening;

/// <summary>
/// Accepts no faster than connections close once there are as many as there may be. Kestrel accepts in a loop of its own, so that a burst
/// would use up the descriptors before the first connection that has to give way has let go of its own; and without a descriptor the
/// runtime cannot start a thread, which ends the process. Meanwhile clients wait in the socket's backlog.
/// </summary>
internal sealed class BoundedListenerFactory(IOptions<SocketTransportOptions> options, ILoggerFactory loggers, ConnectionTable connections)
    : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly SocketTransportFactory _sockets = new(options, loggers);

    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Listener(await _sockets.BindAsync(endpoint, cancellationToken).ConfigureAwait(false), connections);

    private sealed class Listener(IConnectionListener sockets, ConnectionTable connections) : IConnectionListener
    {
        public EndPoint EndPoint => sockets.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            await connections.WaitForRoomAsync(cancellationToken).ConfigureAwait(false);
            var connection = await sockets.AcceptAsync(cancellationToken).ConfigureAwait(false);
            if (connection is not null)
            {
                connections.NoteAccepted();
                connection.ConnectionClosed.UnsafeRegister(static table => ((ConnectionTable)table!).NoteClosed(), connections);
            }

            return connection;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => sockets.UnbindAsync(cancellationToken);

        public ValueTask DisposeAsync() => sockets.DisposeAsync();
    }
}
