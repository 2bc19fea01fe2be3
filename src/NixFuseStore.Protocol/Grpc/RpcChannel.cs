using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using NixFuseStore.Protocol.Connections;

namespace NixFuseStore.Protocol.Grpc;

/// <summary>
/// Calls to one server: gRPC over HTTP/2, with prior knowledge where the address is <c>http:</c> and by ALPN where it is <c>https:</c>.
/// Connects with the first call and again whenever a connection was lost. All members may be called on any thread at once.
/// </summary>
/// <remarks>
/// Every failure is an <see cref="RpcException"/> whose message is one line for a person, except that the caller's own cancellation is an
/// <see cref="OperationCanceledException"/>.
/// </remarks>
public sealed class RpcChannel : IDisposable
{
    private readonly TransportOptions _options;
    private readonly GrpcChannel _channel;

    /// <summary>Makes the channel without connecting.</summary>
    public RpcChannel(TransportOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;

        // With a client of ours, so that connections are made by our handler alone, and not by the library's load balancing.
        var http = new HttpClient(HttpTransport.Create(options)) { Timeout = Timeout.InfiniteTimeSpan };
        _channel = GrpcChannel.ForAddress(
            options.Address.GetLeftPart(UriPartial.Authority),
            new GrpcChannelOptions
            {
                HttpClient = http,
                DisposeHttpClient = true,
                MaxReceiveMessageSize = options.MessageBytesMax,
                MaxSendMessageSize = null,
                DisableResolverServiceConfig = true,
            });
        Invoker = _channel.CreateCallInvoker();
    }

    /// <summary>The server's address.</summary>
    public Uri Address => _options.Address;

    /// <summary>What generated clients make their calls with.</summary>
    public CallInvoker Invoker { get; }

    /// <summary>Makes a call of one message each way.</summary>
    /// <param name="start">The generated method.</param>
    /// <param name="request">The message to send.</param>
    /// <param name="deadline">How long the call may take in all, or null for as long as it likes.</param>
    /// <param name="cancellation">Resets the stream, so that the server stops too.</param>
    /// <param name="caller">The method's name, for errors; ends in <c>Async</c>.</param>
    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        Func<TRequest, CallOptions, AsyncUnaryCall<TResponse>> start,
        TRequest request,
        TimeSpan? deadline,
        CancellationToken cancellation,
        [CallerMemberName] string caller = "")
    {
        ArgumentNullException.ThrowIfNull(start);
        var failure = new RpcFailure(_options, caller, deadline, cancellation);
        try
        {
            using var call = start(request, CreateOptions(deadline, cancellation));
            return await call.ResponseAsync.ConfigureAwait(false);
        }
#pragma warning disable CA1031 // whatever it is, it becomes a status
        catch (Exception e)
#pragma warning restore CA1031
        {
            throw failure.Translate(e);
        }
    }

    /// <summary>Makes a call that many messages answer. Leaving the enumeration early resets the stream.</summary>
    /// <param name="start">The generated method.</param>
    /// <param name="request">The message to send.</param>
    /// <param name="deadline">How long the call may take in all, or null for as long as it likes.</param>
    /// <param name="cancellation">Resets the stream.</param>
    /// <param name="caller">The method's name, for errors; ends in <c>Async</c>.</param>
    public async IAsyncEnumerable<TResponse> ServerStreamingAsync<TRequest, TResponse>(
        Func<TRequest, CallOptions, AsyncServerStreamingCall<TResponse>> start,
        TRequest request,
        TimeSpan? deadline,
        [EnumeratorCancellation] CancellationToken cancellation,
        [CallerMemberName] string caller = "")
        where TResponse : IMessage
    {
        ArgumentNullException.ThrowIfNull(start);
        var failure = new RpcFailure(_options, caller, deadline, cancellation);
        using var call = Start();
        var bytes = 0L;
        while (true)
        {
            try
            {
                if (!await call.ResponseStream.MoveNext(CancellationToken.None).ConfigureAwait(false))
                {
                    yield break;
                }
            }
#pragma warning disable CA1031 // whatever it is, it becomes a status
            catch (Exception e)
#pragma warning restore CA1031
            {
                throw failure.Translate(e);
            }

            failure.Heard();
            var message = call.ResponseStream.Current;
            bytes += deadline is null ? 0 : message.CalculateSize();
            if (bytes > _options.CallBytesMax)
            {
                throw failure.TooMany();
            }

            yield return message;
        }

        AsyncServerStreamingCall<TResponse> Start()
        {
            try
            {
                return start(request, CreateOptions(deadline, cancellation));
            }
#pragma warning disable CA1031 // whatever it is, it becomes a status
            catch (Exception e)
#pragma warning restore CA1031
            {
                throw failure.Translate(e);
            }
        }
    }

    /// <summary>Closes the connections; calls that are running end as <see cref="StatusCode.Unavailable"/>.</summary>
    public void Dispose() => _channel.Dispose();

    private CallOptions CreateOptions(TimeSpan? deadline, CancellationToken cancellation)
    {
        var headers = _options.TokenProvider?.Invoke() is { Length: > 0 } token ? new Metadata { { "authorization", "Bearer " + token } } : null;
        return new CallOptions(headers, deadline is { } within ? DateTime.UtcNow + within : null, cancellation);
    }
}
