using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Core.Interceptors;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>Around every gRPC call: who calls, its deadline, the server's stop, and what becomes of a failure.</summary>
internal sealed class CallInterceptor(AccessControl access, ServerLimits limits, ILogger logger, CancellationToken stopping) : Interceptor
{
    /// <summary>Calls that go on until one side ends them: a server that stops does not wait for these.</summary>
    private static readonly HashSet<string> Endless = new(StringComparer.Ordinal)
    {
        $"/{Store.Descriptor.FullName}/Watch",
        $"/{Builds.Descriptor.FullName}/FollowBuild",
        $"/{Builds.Descriptor.FullName}/TakeBuild",
        "/grpc.health.v1.Health/Watch",
    };

    /// <summary>Whether a call of this path goes on until one side ends it.</summary>
    public static bool IsEndless(PathString path) => path.Value is { } text && Endless.Contains(text);

    /// <summary>The method's name, where the request was for one that there is.</summary>
    public static string MethodOf(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Name ?? "unknown";

    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        using var ending = CreateEnding(context);
        var cancellation = ending?.Token ?? context.CancellationToken;
        try
        {
            Enter(context, cancellation);
            return await continuation(request, context).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the one place where a call's failure, whatever it is, becomes its status
        catch (Exception e)
#pragma warning restore CA1031
        {
            throw StatusOf(e, context, cancellation);
        }
    }

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        StreamAsync(context, () => continuation(request, responseStream, context));

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        StreamAsync(context, () => continuation(requestStream, responseStream, context));

    private async Task StreamAsync(ServerCallContext context, Func<Task> answer)
    {
        using var ending = CreateEnding(context);
        var cancellation = ending?.Token ?? context.CancellationToken;
        try
        {
            Enter(context, cancellation);
            await answer().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the one place where a call's failure, whatever it is, becomes its status
        catch (Exception e)
#pragma warning restore CA1031
        {
            throw StatusOf(e, context, cancellation);
        }
    }

    // Null for nearly all calls: their own token ends with their deadline and with their caller.
    private CancellationTokenSource? CreateEnding(ServerCallContext context)
    {
        if (Endless.Contains(context.Method))
        {
            return CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, stopping);
        }

        if (context.Deadline == DateTime.MaxValue || context.Deadline <= DateTime.UtcNow + limits.DeadlineMax)
        {
            return null;
        }

        var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        ending.CancelAfter(limits.DeadlineMax);
        return ending;
    }

    private void Enter(ServerCallContext context, CancellationToken cancellation)
    {
        var http = context.GetHttpContext();
        if (http.Features.Get<Principal>() is { } principal)
        {
            http.Features.Set(new CallContext(principal, () => access.Hold(http), cancellation));
        }
    }

    private RpcException StatusOf(Exception exception, ServerCallContext context, CancellationToken ending)
    {
        var (code, detail, isBug) = ErrorStatus.Of(exception);
        if (stopping.IsCancellationRequested && Endless.Contains(context.Method) && exception is OperationCanceledException)
        {
            (code, detail) = (StatusCode.Unavailable, "the server is stopping");
        }
        else if (ending.IsCancellationRequested)
        {
            // The caller has left or its time is over; what failed because of that is no failure of the server.
            (code, detail) = (StatusCode.DeadlineExceeded, "the deadline passed before the answer was complete");
        }
        else if (isBug)
        {
            logger.CallFailed(context.Method, exception);
        }

        return new RpcException(new Status(code, detail));
    }
}
