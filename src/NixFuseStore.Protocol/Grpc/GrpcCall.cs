using System.Buffers;
using System.Diagnostics;
using System.Net;
using Google.Protobuf;
using NixFuseStore.Protocol.Connections;

namespace NixFuseStore.Protocol.Grpc;

/// <summary>One call from the client's side: start, read messages, learn the status. Used by one task; disposing resets what is still running.</summary>
internal sealed partial class GrpcCall : IAsyncDisposable
{
    private readonly HttpMessageInvoker _http;
    private readonly TransportOptions _options;
    private readonly string _method;
    private readonly TimeSpan? _deadline;
    private readonly CancellationToken _callerCancellation;

    // Ends with the caller's token or the deadline; cancelling it resets the stream.
    private readonly CancellationTokenSource _cancellation;
    private HttpResponseMessage? _response;
    private Stream? _body;
    private readonly byte[] _prefix = new byte[GrpcWire.PrefixBytes];
    private long _heardAt = Stopwatch.GetTimestamp();
    private long _bytes;

    public GrpcCall(HttpMessageInvoker http, TransportOptions options, string method, TimeSpan? deadline, CancellationToken cancellation)
    {
        _http = http;
        _options = options;
        _method = method;
        _deadline = deadline;
        _callerCancellation = cancellation;
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    }

    /// <summary>Sends the request and reads the response's headers.</summary>
    public async Task StartAsync(IMessage message)
    {
        if (_deadline is { } deadline)
        {
            if (deadline <= TimeSpan.Zero)
            {
                throw DeadlineExceeded(null);
            }

            _cancellation.CancelAfter(deadline);
        }

        using var request = CreateRequest(message);
        try
        {
            _response = await _http.SendAsync(request, _cancellation.Token).ConfigureAwait(false);
            CheckResponse(_response);
            _body = await _response.Content.ReadAsStreamAsync(_cancellation.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e);
        }
    }

    /// <summary>Reads the next message into <paramref name="message"/>.</summary>
    /// <returns>False at the end of a call whose status is OK.</returns>
    public async ValueTask<bool> ReadAsync(IMessage message)
    {
        byte[]? rented = null;
        try
        {
            var got = await _body!.ReadAtLeastAsync(_prefix, _prefix.Length, throwOnEndOfStream: false, _cancellation.Token).ConfigureAwait(false);
            if (got == 0)
            {
                CheckTrailers();
                return false;
            }

            if (got < _prefix.Length)
            {
                CheckTrailers();
                throw Truncated();
            }

            _heardAt = Stopwatch.GetTimestamp();
            var length = GrpcWire.ReadPrefix(_prefix, _options.MessageBytesMax);
            _bytes += length;
            if (_deadline is not null && _bytes > _options.CallBytesMax)
            {
                throw new RpcException(
                    StatusCode.ResourceExhausted, $"{Name}: {_options.Address.Authority} answers with more than the {_options.CallBytesMax >> 20} MiB that are taken");
            }

            rented = ArrayPool<byte>.Shared.Rent(length);
            got = await _body!.ReadAtLeastAsync(rented.AsMemory(0, length), length, throwOnEndOfStream: false, _cancellation.Token).ConfigureAwait(false);
            if (got < length)
            {
                CheckTrailers();
                throw Truncated();
            }

            message.MergeFrom(rented.AsSpan(0, length));
            return true;
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new RpcException(StatusCode.Internal, $"{Name}: the server's message cannot be read: {e.Message}", e);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e);
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    /// <summary>Makes sure that nothing follows the message of a unary call but a good status.</summary>
    public async ValueTask EndAsync()
    {
        try
        {
            if (await _body!.ReadAsync(_prefix, _cancellation.Token).ConfigureAwait(false) != 0)
            {
                throw new RpcException(StatusCode.Internal, $"{Name}: the server answered with more than one message");
            }

            CheckTrailers();
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        // Disposing a response that was not read to its end resets the stream.
        if (_body is not null)
        {
            await _body.DisposeAsync().ConfigureAwait(false);
        }

        _response?.Dispose();
        _cancellation.Dispose();
    }

    private HttpRequestMessage CreateRequest(IMessage message)
    {
        var content = new ByteArrayContent(GrpcWire.Frame(message));
        content.Headers.TryAddWithoutValidation("content-type", GrpcWire.ContentType);
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_options.Address, _method))
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.TryAddWithoutValidation("te", "trailers");
        if (_deadline is { } deadline)
        {
            request.Headers.TryAddWithoutValidation("grpc-timeout", GrpcWire.FormatTimeout(deadline));
        }

        HttpTransport.Authorize(request.Headers, _options);
        return request;
    }
}
