using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Protocol.Connections;

namespace NixFuseStore.Protocol.Grpc;

/// <summary>What a failed call means, in one line for a person.</summary>
/// <param name="options">The server.</param>
/// <param name="caller">The method's name, with or without <c>Async</c>.</param>
/// <param name="deadline">How long the call may take.</param>
/// <param name="cancellation">The caller's.</param>
internal sealed class RpcFailure(TransportOptions options, string caller, TimeSpan? deadline, CancellationToken cancellation)
{
    // Error codes of HTTP/2, RFC 9113 section 7.
    private const long ProtocolError = 0x1;
    private const long RefusedStream = 0x7;
    private const long Cancel = 0x8;
    private const long EnhanceYourCalm = 0xb;
    private const long InadequateSecurity = 0xc;

    // How Grpc.Net.Client words what it did not get, with a status that says something else.
    private const string NoStatus = "No grpc-status found on response.";
    private const string BadResponse = "Bad gRPC response.";

    private long _heardAt = Stopwatch.GetTimestamp();

    private string Name => caller.EndsWith("Async", StringComparison.Ordinal) ? caller[..^"Async".Length] : caller;

    private string Server => options.Address.Authority;

    /// <summary>A message has come.</summary>
    public void Heard() => _heardAt = Stopwatch.GetTimestamp();

    /// <summary>The server has sent more than is taken.</summary>
    public RpcException TooMany() => Create(
        StatusCode.ResourceExhausted, $"{Name}: {Server} answers with more than the {options.CallBytesMax >> 20} MiB that are taken");

    /// <summary>The caller's own cancellation stays what it is; everything else becomes a status.</summary>
    public Exception Translate(Exception exception)
    {
        if (cancellation.IsCancellationRequested)
        {
            return exception is OperationCanceledException ? exception : new OperationCanceledException(exception.Message, exception, cancellation);
        }

        if (exception is not RpcException rpc)
        {
            return TranslateTransport(exception);
        }

        // A cause stands there only where this side has failed.
        var (code, detail, cause) = (rpc.StatusCode, rpc.Status.Detail, rpc.Status.DebugException);
        return (code, cause) switch
        {
            (StatusCode.DeadlineExceeded, _) when deadline is { } within => Create(
                StatusCode.DeadlineExceeded, $"{Name}: no answer from {Server} within {within.TotalSeconds:0.###} s", rpc),
            (_, InvalidProtocolBufferException) => Create(StatusCode.Internal, $"{Name}: the server's message cannot be read: {cause.Message}", cause),
            (_, not null) when code != StatusCode.ResourceExhausted => TranslateTransport(cause),
            (StatusCode.Cancelled, _) when detail.Length == 0 => TranslateTransport(new OperationCanceledException()),
            (StatusCode.Cancelled, _) when detail == NoStatus => Create(StatusCode.Unavailable, $"{Name}: {Server} ended the call without a status"),
            (StatusCode.Cancelled, _) when detail.StartsWith(BadResponse, StringComparison.Ordinal) => Create(
                StatusCode.Unknown, $"{Name}: {Server} does not answer as a gRPC server does: {TransportFailure.Clean(detail)}"),
            _ when detail.StartsWith(BadResponse, StringComparison.Ordinal) => Create(code, $"{Name}: {Server}: {TransportFailure.Clean(detail)}"),
            _ => Create(code, detail.Length > 0 ? TransportFailure.Clean(detail) : $"{Name}: {Server} answered with status {code}"),
        };
    }

    private RpcException TranslateTransport(Exception exception)
    {
        // A connection attempt that ran out of time appears as a cancellation that no caller asked for.
        if (exception is OperationCanceledException)
        {
            return Create(StatusCode.Unavailable, TransportFailure.DescribeTimeout(options), exception);
        }

        for (var e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case HttpProtocolException { ErrorCode: ProtocolError } when Stopwatch.GetElapsedTime(_heardAt) >= options.KeepAliveInterval:
                    // How the handler reports a ping that was not answered. The cause is left out: elsewhere it stands for another protocol.
                    return Create(
                        StatusCode.Unavailable,
                        $"{Name}: {Server} is silent, nothing was heard for {Stopwatch.GetElapsedTime(_heardAt).TotalSeconds:0} s");
                case HttpProtocolException { ErrorCode: var code } when code is RefusedStream or Cancel or EnhanceYourCalm or InadequateSecurity:
                    return Create(
                        code switch
                        {
                            RefusedStream => StatusCode.Unavailable,
                            Cancel => StatusCode.Cancelled,
                            EnhanceYourCalm => StatusCode.ResourceExhausted,
                            _ => StatusCode.PermissionDenied,
                        },
                        $"{Name}: {Server} reset the call",
                        exception);
                default:
                    break;
            }
        }

        return TransportFailure.IsOne(exception)
            ? Create(StatusCode.Unavailable, TransportFailure.Describe(exception, options), exception)
            : Create(StatusCode.Internal, $"{Name}: {exception.Message}", exception);
    }

    // With the line as the message too, which is what people are shown.
    private static RpcException Create(StatusCode code, string line, Exception? cause = null) => new(new Status(code, line, cause), line);
}
