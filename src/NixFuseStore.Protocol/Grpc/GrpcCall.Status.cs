using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using NixFuseStore.Protocol.Connections;

namespace NixFuseStore.Protocol.Grpc;

/// <summary>How responses, trailers and exceptions become a status.</summary>
internal sealed partial class GrpcCall
{
    // Error codes of HTTP/2, RFC 9113 section 7.
    private const long ProtocolError = 0x1;
    private const long RefusedStream = 0x7;
    private const long Cancel = 0x8;
    private const long EnhanceYourCalm = 0xb;
    private const long InadequateSecurity = 0xc;

    /// <summary>The method without its service, for a person.</summary>
    private string Name => _method[(_method.LastIndexOf('/') + 1)..];

    private static StatusCode StatusOf(HttpStatusCode status) => (int)status switch
    {
        400 => StatusCode.Internal,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.Unimplemented,
        429 or 502 or 503 or 504 => StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    private void CheckResponse(HttpResponseMessage response)
    {
        // A status among the headers ends the call at once ("trailers only").
        if (TryGet(response.Headers, "grpc-status", out _))
        {
            CheckStatus(response.Headers);
        }

        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new RpcException(StatusOf(response.StatusCode), $"{Name}: {_options.Address.Authority} answered with HTTP status {(int)response.StatusCode}");
        }

        var type = response.Content.Headers.NonValidated.TryGetValues("content-type", out var values) ? values.ToString() : "";
        if (!type.StartsWith(GrpcWire.ContentType, StringComparison.OrdinalIgnoreCase))
        {
            throw new RpcException(StatusCode.Unknown, $"{Name}: {_options.Address.Authority} does not answer as a gRPC server does (content type '{TransportFailure.Clean(type)}')");
        }
    }

    private void CheckTrailers() => CheckStatus(_response!.TrailingHeaders.NonValidated.Count > 0 ? _response.TrailingHeaders : _response.Headers);

    private void CheckStatus(HttpResponseHeaders headers)
    {
        if (!TryGet(headers, "grpc-status", out var text))
        {
            throw new RpcException(StatusCode.Unavailable, $"{Name}: {_options.Address.Authority} ended the call without a status");
        }

        var code = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= (int)StatusCode.Unauthenticated
            ? (StatusCode)number
            : StatusCode.Unknown;
        if (code != StatusCode.OK)
        {
            var detail = TryGet(headers, "grpc-message", out var message) ? TransportFailure.Clean(GrpcWire.DecodeMessage(message)) : "";
            throw new RpcException(code, detail.Length > 0 ? detail : $"{Name}: {_options.Address.Authority} answered with status {code}");
        }
    }

    private static bool TryGet(HttpHeaders headers, string name, out string value)
    {
        if (headers.NonValidated.TryGetValues(name, out var values) && values.Count > 0)
        {
            value = values.ToString();
            return true;
        }

        value = "";
        return false;
    }

    private RpcException Truncated() => new(StatusCode.Internal, $"{Name}: the server's message is cut off");

    private RpcException DeadlineExceeded(Exception? inner) =>
        new(StatusCode.DeadlineExceeded, $"{Name}: no answer from {_options.Address.Authority} within {_deadline!.Value.TotalSeconds:0.###} s", inner);

    /// <summary>The caller's own cancellation stays what it is; everything else becomes a status.</summary>
    private Exception Translate(Exception exception)
    {
        if (_callerCancellation.IsCancellationRequested)
        {
            return exception is OperationCanceledException ? exception : new OperationCanceledException(exception.Message, exception, _callerCancellation);
        }

        if (_cancellation.IsCancellationRequested)
        {
            return DeadlineExceeded(exception);
        }

        // A connection attempt that ran out of time appears as a cancellation that no caller asked for.
        if (exception is OperationCanceledException)
        {
            return new RpcException(StatusCode.Unavailable, TransportFailure.DescribeTimeout(_options), exception);
        }

        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case HttpProtocolException { ErrorCode: ProtocolError } when Stopwatch.GetElapsedTime(_heardAt) >= _options.KeepAliveInterval:
                    // How the handler reports a ping that was not answered. The cause is left out: elsewhere it stands for another protocol.
                    return new RpcException(
                        StatusCode.Unavailable,
                        $"{Name}: {_options.Address.Authority} is silent, nothing was heard for {Stopwatch.GetElapsedTime(_heardAt).TotalSeconds:0} s");
                case HttpProtocolException { ErrorCode: var code } when code is RefusedStream or Cancel or EnhanceYourCalm or InadequateSecurity:
                    return new RpcException(
                        code switch
                        {
                            RefusedStream => StatusCode.Unavailable,
                            Cancel => StatusCode.Cancelled,
                            EnhanceYourCalm => StatusCode.ResourceExhausted,
                            _ => StatusCode.PermissionDenied,
                        },
                        $"{Name}: {_options.Address.Authority} reset the call",
                        exception);
                default:
                    break;
            }
        }

        return TransportFailure.IsOne(exception)
            ? new RpcException(StatusCode.Unavailable, TransportFailure.Describe(exception, _options), exception)
            : new RpcException(StatusCode.Internal, $"{Name}: {exception.Message}", exception);
    }
}
