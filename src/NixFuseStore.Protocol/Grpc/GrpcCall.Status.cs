using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;

namespace NixFuseStore.Protocol.Grpc;

/// <summary>How responses, trailers and exceptions become a status.</summary>
internal sealed partial class GrpcCall
{
    // Error codes of HTTP/2, RFC 9113 section 7.
    private const long RefusedStream = 0x7;
    private const long Cancel = 0x8;
    private const long EnhanceYourCalm = 0xb;
    private const long InadequateSecurity = 0xc;

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
            throw new RpcException(StatusOf(response.StatusCode), $"{_method}: {_options.Address} answered with HTTP status {(int)response.StatusCode}");
        }

        var type = response.Content.Headers.NonValidated.TryGetValues("content-type", out var values) ? values.ToString() : "";
        if (!type.StartsWith(GrpcWire.ContentType, StringComparison.OrdinalIgnoreCase))
        {
            throw new RpcException(StatusCode.Unknown, $"{_method}: {_options.Address} does not answer as a gRPC server does (content type '{type}')");
        }
    }

    private void CheckTrailers() => CheckStatus(_response!.TrailingHeaders.NonValidated.Count > 0 ? _response.TrailingHeaders : _response.Headers);

    private void CheckStatus(HttpResponseHeaders headers)
    {
        if (!TryGet(headers, "grpc-status", out var text))
        {
            throw new RpcException(StatusCode.Unavailable, $"{_method}: {_options.Address} ended the call without a status");
        }

        var code = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= (int)StatusCode.Unauthenticated
            ? (StatusCode)number
            : StatusCode.Unknown;
        if (code != StatusCode.OK)
        {
            var detail = TryGet(headers, "grpc-message", out var message) ? GrpcWire.DecodeMessage(message) : "";
            throw new RpcException(code, detail.Length > 0 ? detail : $"{_method}: {_options.Address} answered with status {code}");
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

    private RpcException Truncated() => new(StatusCode.Internal, $"{_method}: the server's message is cut off");

    private RpcException DeadlineExceeded(Exception? inner) =>
        new(StatusCode.DeadlineExceeded, $"{_method}: no answer from {_options.Address} within {_deadline!.Value.TotalSeconds:0.###} s", inner);

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

        // A connection attempt that ran out of time appears as a cancellation that nobody asked for.
        if (exception is OperationCanceledException)
        {
            return new RpcException(StatusCode.Unavailable, $"could not reach {_options.Address} within {_options.ConnectTimeout.TotalSeconds:0.###} s", exception);
        }

        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case HttpProtocolException { ErrorCode: var code } when code is RefusedStream or Cancel or EnhanceYourCalm or InadequateSecurity:
                    return new RpcException(
                        code switch
                        {
                            RefusedStream => StatusCode.Unavailable,
                            Cancel => StatusCode.Cancelled,
                            EnhanceYourCalm => StatusCode.ResourceExhausted,
                            _ => StatusCode.PermissionDenied,
                        },
                        $"{_method}: {_options.Address} reset the call",
                        exception);
                case AuthenticationException:
                    return new RpcException(StatusCode.Unavailable, $"the certificate of {_options.Address} is not trusted: {e.Message}", exception);
                default:
                    break;
            }
        }

        return exception is HttpRequestException or IOException or ObjectDisposedException
            ? new RpcException(StatusCode.Unavailable, $"could not reach {_options.Address}: {exception.GetBaseException().Message}", exception)
            : new RpcException(StatusCode.Internal, $"{_method}: {exception.Message}", exception);
    }
}
