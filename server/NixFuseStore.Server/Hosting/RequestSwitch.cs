using System.Diagnostics;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Endpoints.BinaryCache;
using NixFuseStore.Server.Endpoints.DataPlane;
using NixFuseStore.Server.Endpoints.Grpc;

namespace NixFuseStore.Server.Hosting;

/// <summary>
/// Which endpoint a request is for. A handful of fixed prefixes: routing would only cost start-up time. Requests count as work of their
/// connection, and are logged at level debug.
/// </summary>
internal sealed class RequestSwitch(
    GrpcEndpoint grpc, DataPlaneEndpoint data, BinaryCacheEndpoint cache, Readiness readiness, ConnectionTable connections, ILogger logger)
{
    public Task HandleAsync(HttpContext context) =>
        connections.ServeAsync(context, logger.IsEnabled(LogLevel.Debug) ? LogAsync : AnswerAsync);

    private Task AnswerAsync(HttpContext context)
    {
        if (GrpcEndpoint.IsGrpc(context.Request))
        {
            return grpc.HandleAsync(context);
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

    private async Task LogAsync(HttpContext context)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            await AnswerAsync(context).ConfigureAwait(false);
        }
        finally
        {
            var request = context.Request;
            logger.Request(
                request.Method,
                request.Path,
                context.RequestAborted.IsCancellationRequested ? "aborted" : context.Response.StatusCode.ToString(System.Globalization.CultureInfo.InvariantCulture),
                Stopwatch.GetElapsedTime(started).TotalMilliseconds,
                context.Connection.RemoteIpAddress,
                request.Protocol);
        }
    }
}
