using System.Net.Sockets;
using Grpc.Core;
using NixFuseStore.Protocol.DataPlane;

namespace NixFuseStore.Client.Server;

/// <summary>
/// The servers of one store: one of them is used until it fails, then the next. Both planes go to the same one.
/// All members may be called from any thread.
/// </summary>
public sealed class ServerConnection : IDisposable
{
    /// <summary>PROTOCOL_ERROR of RFC 9113, which this side finds where the other does not speak HTTP/2.</summary>
    private const long Http2ProtocolError = 1;

    /// <summary>How long a server may take to say what its store is, when it is met: by a command, a push or a mount.</summary>
    internal static readonly TimeSpan MeetDeadline = TimeSpan.FromSeconds(10);

    private readonly ServerEndpoint[] _endpoints;
    private int _current;

    /// <summary>Makes the connection without connecting.</summary>
    public ServerConnection(ServerConnectionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        _endpoints = new ServerEndpoint[options.Servers.Count];
        for (var i = 0; i < _endpoints.Length; i++)
        {
            _endpoints[i] = new ServerEndpoint(options.For(options.Servers[i]));
        }
    }

    /// <summary>How the connection was made.</summary>
    public ServerConnectionOptions Options { get; }

    /// <summary>Name of the store.</summary>
    public string StoreName => Options.StoreName;

    /// <summary>The server to use now.</summary>
    public ServerEndpoint Current => _endpoints[Volatile.Read(ref _current)];

    /// <summary>Called after another server became the current one. On any thread; must be quick.</summary>
    internal Action? OnMoved { get; set; }

    /// <summary>Called after each call that was answered. On any thread; must be quick.</summary>
    internal Action? OnHeard { get; set; }

    /// <summary>How many servers there are.</summary>
    public int Count => _endpoints.Length;

    /// <summary>
    /// Whether every server is on this host, so that no network lies between. Only then a key learnt from the server proves anything.
    /// </summary>
    public bool IsLoopback
    {
        get
        {
            foreach (var endpoint in _endpoints)
            {
                if (!endpoint.Address.IsLoopback)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Goes on to the next server, unless another caller already did.</summary>
    /// <param name="endpoint">The one that could not be reached.</param>
    public void MoveOn(ServerEndpoint endpoint)
    {
        var current = Volatile.Read(ref _current);
        var next = (current + 1) % _endpoints.Length;
        if (next != current && _endpoints[current] == endpoint && Interlocked.CompareExchange(ref _current, next, current) == current)
        {
            OnMoved?.Invoke();
        }
    }

    /// <summary>
    /// Makes a call that may be made twice. Where a server cannot be reached the next one is tried, once round.
    /// </summary>
    /// <param name="call">The call; must pass on the token.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StoreClientException">The call failed; the kind says why, see <see cref="Translate"/>.</exception>
    public async Task<TResult> CallAsync<TResult>(Func<ServerEndpoint, CancellationToken, Task<TResult>> call, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(call);
        for (var attempt = 1; ; attempt++)
        {
            var endpoint = Current;
            try
            {
                var result = await call(endpoint, cancellationToken).ConfigureAwait(false);
                Hear(endpoint);
                return result;
            }
            catch (Exception e) when (e is RpcException or DataPlaneException)
            {
                var translated = Translate(endpoint, e);
                if (translated is StoreUnavailableException)
                {
                    MoveOn(endpoint);
                    if (attempt < _endpoints.Length)
                    {
                        continue;
                    }
                }

                throw await ExplainAsync(endpoint, translated, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>An endpoint has answered, be it in the middle of a stream: who waits for the server may hope.</summary>
    internal void Hear(ServerEndpoint endpoint)
    {
        endpoint.WasHeard = true;
        OnHeard?.Invoke();
    }

    /// <summary>What a failure of the transport means to the user, in one line.</summary>
    public StoreClientException Translate(ServerEndpoint endpoint, Exception exception)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(exception);
        var server = endpoint.Address.GetLeftPart(UriPartial.Authority);
        var code = exception switch
        {
            RpcException rpc => rpc.StatusCode,
            DataPlaneException data => data.StatusCode,
            _ => StatusCode.Internal,
        };
        return code switch
        {
            StatusCode.Unavailable when SpeaksSomethingElse(exception) => WrongProtocol(server, exception),
            StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Aborted =>
                new StoreUnavailableException($"server {server} is not available: {exception.Message}", exception),
            StatusCode.Unauthenticated => new StoreAccessException(
                $"server {server} does not accept the token: {exception.Message}; give a valid one with --token-file or NIXFUSE_TOKEN", exception),
            StatusCode.PermissionDenied => new StoreAccessException(
                $"server {server} does not allow this in store '{StoreName}': {exception.Message}", exception),
            StatusCode.NotFound => new StoreConfigurationException(
                $"server {server} has no store '{StoreName}': {exception.Message}; see --store", exception),
            StatusCode.Unimplemented or StatusCode.Unknown => WrongProtocol(server, exception),
            _ => new StoreClientException($"server {server}: {exception.Message}", exception),
        };
    }

    /// <summary>
    /// The same error, or a better one where the server was never heard and turns out to listen with TLS where none was asked for, or the other
    /// way round. May take two seconds.
    /// </summary>
    internal static async Task<StoreClientException> ExplainAsync(
        ServerEndpoint endpoint, StoreClientException failure, CancellationToken cancellationToken)
    {
        if (endpoint.WasHeard || failure is StoreAccessException || !IsAboutTheConnection(failure))
        {
            return failure;
        }

        return await ServerProbe.FindWrongSchemeAsync(endpoint.Address, cancellationToken).ConfigureAwait(false) is { } line
            ? new StoreConfigurationException(line, failure)
            : failure;
    }

    /// <summary>Closes all connections.</summary>
    public void Dispose()
    {
        foreach (var endpoint in _endpoints)
        {
            endpoint.Dispose();
        }
    }

    private static StoreConfigurationException WrongProtocol(string server, Exception exception) =>
        new($"server {server} does not speak this protocol: {exception.Message}; is this the address of a nixfuse-server?", exception);

    // Whether there was a connection, with which something was wrong: not where none came about, and not where the certificate is the matter.
    private static bool IsAboutTheConnection(StoreClientException failure)
    {
        for (Exception? e = failure; e is not null; e = e.InnerException)
        {
            if (e is HttpRequestException http)
            {
                return http.HttpRequestError is HttpRequestError.SecureConnectionError or HttpRequestError.HttpProtocolError
                    or HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse or HttpRequestError.Unknown;
            }
        }

        return false;
    }

    private static bool SpeaksSomethingElse(Exception exception)
    {
        var strange = false;
        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                // An error code from the server (GOAWAY with NO_ERROR when it stops, say) shows that it does speak HTTP/2.
                case HttpProtocolException { ErrorCode: not Http2ProtocolError }:
                // A connection that ends before an answer is that of a server, or of a proxy before it, that stops or starts just now.
                case HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded }:
                // The same, where the end is a reset.
                case SocketException:
                    return false;
                case HttpRequestException
                {
                    HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError or HttpRequestError.VersionNegotiationError,
                }:
                    strange = true;
                    break;
            }
        }

        return strange;
    }
}
