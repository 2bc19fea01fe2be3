using Google.Protobuf;
using NixFuseStore.Protocol.Connections;

namespace NixFuseStore.Protocol.Grpc;

/// <summary>
/// Calls to one server: gRPC over HTTP/2, with prior knowledge where the address is <c>http:</c> and by ALPN where it is <c>https:</c>.
/// Connects with the first call and again whenever a connection was lost. All members may be called on any thread at once.
/// </summary>
/// <remarks>Every failure is an <see cref="RpcException"/>, except that the caller's own cancellation is an <see cref="OperationCanceledException"/>.</remarks>
public sealed class GrpcChannel : IDisposable
{
    private readonly TransportOptions _options;
    private readonly HttpMessageInvoker _http;

    /// <summary>Makes the channel without connecting.</summary>
    public GrpcChannel(TransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _http = new HttpMessageInvoker(HttpTransport.Create(options));
    }

    /// <summary>The server's address.</summary>
    public Uri Address => _options.Address;

    /// <summary>Sends one message and merges the one that answers into <paramref name="response"/>, which should be new.</summary>
    /// <param name="method">The path, such as <c>/nixfuse.v1.Store/GetStore</c>.</param>
    /// <param name="request">The message to send.</param>
    /// <param name="response">Holds the answer once the task has ended well.</param>
    /// <param name="deadline">How long the call may take in all, or null for as long as it likes.</param>
    /// <param name="cancellation">Resets the stream, so that the server stops too.</param>
    public async Task UnaryAsync(string method, IMessage request, IMessage response, TimeSpan? deadline, CancellationToken cancellation)
    {
        await using var call = new GrpcCall(_http, _options, method, deadline, cancellation);
        await call.StartAsync(request).ConfigureAwait(false);
        if (!await call.ReadAsync(response).ConfigureAwait(false))
        {
            throw new RpcException(StatusCode.Internal, $"{method}: the server answered without a message");
        }

        await call.EndAsync().ConfigureAwait(false);
    }

    /// <summary>Sends one message and yields those that answer. Leaving the enumeration early resets the stream.</summary>
    /// <param name="method">The path, such as <c>/nixfuse.v1.Store/Watch</c>.</param>
    /// <param name="request">The message to send.</param>
    /// <param name="create">Makes an empty message; one is made for each that arrives, the last of them in vain.</param>
    /// <param name="deadline">How long the call may take in all, or null for as long as it likes.</param>
    /// <param name="cancellation">Resets the stream.</param>
    public async IAsyncEnumerable<TResponse> ServerStreamingAsync<TResponse>(
        string method,
        IMessage request,
        Func<TResponse> create,
        TimeSpan? deadline,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
        where TResponse : class, IMessage
    {
        ArgumentNullException.ThrowIfNull(create);
        await using var call = new GrpcCall(_http, _options, method, deadline, cancellation);
        await call.StartAsync(request).ConfigureAwait(false);
        while (true)
        {
            var message = create();
            if (!await call.ReadAsync(message).ConfigureAwait(false))
            {
                yield break;
            }

            yield return message;
        }
    }

    /// <summary>Closes the connections; calls that are running end as <see cref="StatusCode.Unavailable"/>.</summary>
    public void Dispose() => _http.Dispose();
}
