using System.Globalization;
using Grpc.Core;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>
/// The door of gRPC: who calls is found out before anything is read, so that strangers learn nothing, not even what methods there are. Health
/// alone is for everyone.
/// </summary>
internal sealed class GrpcEndpoint(AccessControl access, ServerLimits limits, ILogger logger)
{
    private const string ContentType = "application/grpc";
    private const string StatusHeader = "grpc-status";
    private const string Health = "/grpc.health.v1.Health";

    /// <summary>Whether a request is meant for this endpoint, well-formed or not.</summary>
    public static bool IsGrpc(HttpRequest request) =>
        request.ContentType is { } type && type.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase);

    /// <summary>Refuses the request, or lets <paramref name="next"/> answer it, with its <see cref="Principal"/> as a feature.</summary>
    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        // What is no gRPC at all is refused as HTTP does it.
        if (context.Request.Protocol != HttpProtocol.Http2 || !HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        if (!context.Request.Path.StartsWithSegments(Health, StringComparison.Ordinal) && !await AuthenticateAsync(context).ConfigureAwait(false))
        {
            return;
        }

        await next(context).ConfigureAwait(false);

        // Whatever fails in a method has a status from the interceptor. UNKNOWN is left for messages that the framework cannot read.
        if (!context.Response.HasStarted && context.Response.Headers[StatusHeader] == Number(StatusCode.Unknown))
        {
            WriteStatus(context, StatusCode.InvalidArgument, "the request's message cannot be read");
        }
    }

    /// <summary>Among the headers, which ends a call that has not answered yet ("trailers only").</summary>
    private static void WriteStatus(HttpContext context, StatusCode code, string detail)
    {
        context.Response.ContentType = ContentType;
        context.Response.Headers[StatusHeader] = Number(code);
        context.Response.Headers["grpc-message"] = Uri.EscapeDataString(detail);
    }

    private static string Number(StatusCode code) => ((int)code).ToString(CultureInfo.InvariantCulture);

    private async Task<bool> AuthenticateAsync(HttpContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        ending.CancelAfter(limits.DeadlineMax);
        try
        {
            context.Features.Set(await access.AuthenticateAsync(context, ending.Token).ConfigureAwait(false));
            return true;
        }
#pragma warning disable CA1031 // whatever it is, it becomes a status
        catch (Exception e)
#pragma warning restore CA1031
        {
            var (code, detail, isBug) = ErrorStatus.Of(e);
            if (isBug && !context.RequestAborted.IsCancellationRequested)
            {
                logger.CallFailed(context.Request.Path, e);
            }

            WriteStatus(context, code, detail);
            return false;
        }
    }
}
