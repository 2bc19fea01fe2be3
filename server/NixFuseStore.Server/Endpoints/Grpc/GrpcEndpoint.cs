using NixFuseStore.Protocol.Grpc;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>Answers gRPC calls over Kestrel. Together with <see cref="GrpcServerCall"/> all there is of gRPC on this side.</summary>
internal sealed class GrpcEndpoint(
    Dictionary<string, GrpcMethod> methods, AccessControl access, ServerLimits limits, ILogger logger, CancellationToken stopping)
{
    /// <summary>Whether a request is meant for this endpoint, well-formed or not.</summary>
    public static bool IsGrpc(HttpRequest request) =>
        request.ContentType is { } type && type.StartsWith(GrpcWire.ContentType, StringComparison.OrdinalIgnoreCase);

    public async Task HandleAsync(HttpContext context)
    {
        // 1. What is no gRPC at all is refused as HTTP does it.
        if (context.Request.Protocol != HttpProtocol.Http2 || !HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        // 2. The deadline runs from here on. When the server stops, Kestrel aborts what has not ended within the grace.
        var method = methods.GetValueOrDefault(context.Request.Path.Value ?? "");
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, method is { IsEndless: true } ? stopping : CancellationToken.None);
        var deadline = GrpcWire.TryParseTimeout(context.Request.Headers["grpc-timeout"].ToString(), out var timeout);
        if (deadline)
        {
            cancellation.CancelAfter(timeout < limits.DeadlineMax ? timeout : limits.DeadlineMax);
        }

        // 3. Answer, and say how it went.
        var call = new GrpcServerCall(context, limits.MessageBytesMax);
        try
        {
            await AnswerAsync(context, method, call, cancellation.Token).ConfigureAwait(false);
            call.WriteStatus(StatusCode.OK, "");
        }
#pragma warning disable CA1031 // the one place where a call's failure, whatever it is, becomes its status
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (context.RequestAborted.IsCancellationRequested)
            {
                return;
            }

            var (code, detail, isBug) = ErrorStatus.Of(e);
            if (method is { IsEndless: true } && stopping.IsCancellationRequested && e is OperationCanceledException)
            {
                (code, detail) = (StatusCode.Unavailable, "the server is stopping");
            }
            else if (cancellation.IsCancellationRequested && e is OperationCanceledException)
            {
                (code, detail) = (StatusCode.DeadlineExceeded, "the deadline passed before the answer was complete");
            }
            else if (isBug)
            {
                logger.CallFailed(context.Request.Path, e);
            }

            call.WriteStatus(code, detail);
        }
    }

    private async Task AnswerAsync(HttpContext context, GrpcMethod? method, GrpcServerCall call, CancellationToken cancellation)
    {
        // First of all who calls, so that strangers learn nothing, not even what methods there are.
        var principal = await access.AuthenticateAsync(context, cancellation).ConfigureAwait(false);
        if (method is null)
        {
            throw new RpcException(StatusCode.Unimplemented, $"this server has no method {context.Request.Path}");
        }

        var request = method.CreateRequest();
        await call.ReadRequestAsync(request, cancellation).ConfigureAwait(false);
        var callContext = new CallContext(principal, () => access.Hold(context), cancellation);
        await method.AnswerAsync(request, callContext, call).ConfigureAwait(false);
    }
}
