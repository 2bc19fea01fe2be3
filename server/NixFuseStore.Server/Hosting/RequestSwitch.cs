using System.Diagnostics;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Endpoints.BinaryCache;
using NixFuseStore.Server.Endpoints.DataPlane;
using NixFuseStore.Server.Endpoints.Grpc;

namespace NixFuseStore.Server.Hosting;

/// <summary>
/// Which endpoint a request is for. A handful of fixed prefixes, of which gRPC's alone goes on to be routed to a method. Requests count as work
/// of their connection, are measured, and are logged at level debug.
/// </summary>
internal sealed class RequestSwitch(
    GrpcEndpoint grpc, DataPlaneEndpoint data, BinaryCacheEndpoint cache, Readiness readiness, MetricsEndpoint exposition, ConnectionTable connections, ServerMetrics metrics,
    ILogger logger)
{
    /// <summary>Answers a request, or lets <paramref name="routed"/> do so.</summary>
    public Task HandleAsync(HttpContext context, RequestDelegate routed) => connections.ServeAsync(
        context, context => MeasureAsync(context, routed));

    private Task AnswerAsync(HttpContext context, RequestDelegate routed)
    {
        if (MetricsEndpoint.IsItsOwn(context) || context.Request.Path == MetricsEndpoint.Path)
        {
            return exposition.HandleAsync(context, routed);
        }

        if (GrpcEndpoint.IsGrpc(context.Request))
        {
            return grpc.HandleAsync(context, routed);
        }

        if (DataPlaneEndpoint.Serves(context.Request.Path))
        {
            return data.HandleAsync(context);
        }

        if (BinaryCacheEndpoint.Serves(context.Request.Path))
        {
            return cache.HandleAsync(context);
        }

        context.Response.ContentType = "text/plain; charset=utf-8";
        if (context.Request.Path == "/healthz")
        {
            return context.Response.WriteAsync("ok\n");
        }

        if (context.Request.Path == "/readyz")
        {
            return AnswerReadinessAsync(context);
        }

        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return context.Response.WriteAsync("there is nothing here; this is a nixfuse-server\n");
    }

    /// <summary>Says no more than yes or no, since it asks for no token; the log says why.</summary>
    private async Task AnswerReadinessAsync(HttpContext context)
    {
        var isReady = await readiness.CheckAsync().ConfigureAwait(false);
        context.Response.StatusCode = isReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        await context.Response.WriteAsync(isReady ? "ready\n" : "not ready\n").ConfigureAwait(false);
    }

    private async Task MeasureAsync(HttpContext context, RequestDelegate routed)
    {
        var started = Stopwatch.GetTimestamp();
        metrics.OnRequestStarted();
        try
        {
            await AnswerAsync(context, routed).ConfigureAwait(false);
        }
        finally
        {
            var took = Stopwatch.GetElapsedTime(started);
            var request = context.Request;
            var isGrpc = GrpcEndpoint.IsGrpc(request);
            metrics.OnRequestEnded(
                isGrpc ? "grpc" : DataPlaneEndpoint.Serves(request.Path) ? "data" : BinaryCacheEndpoint.Serves(request.Path) ? "cache" : "other",
                isGrpc ? CallInterceptor.MethodOf(context) : MethodOf(request),
                context.RequestAborted.IsCancellationRequested ? "aborted" : isGrpc ? GrpcEndpoint.StatusOf(context.Response) : StatusOf(context.Response),
                isGrpc && CallInterceptor.IsEndless(request.Path) ? null : took);
            if (logger.IsEnabled(LogLevel.Debug))
            {
                logger.Request(
                    request.Method,
                    request.Path,
                    context.RequestAborted.IsCancellationRequested ? "aborted" : StatusOf(context.Response),
                    took.TotalMilliseconds,
                    context.Connection.RemoteIpAddress,
                    request.Protocol);
            }
        }
    }

    private static string MethodOf(HttpRequest request) => request.Method is "GET" or "HEAD" or "PUT" or "POST" ? request.Method : "other";

    private static string StatusOf(HttpResponse response) =>
        response.StatusCode == StatusCodes.Status200OK ? "200" : response.StatusCode.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
