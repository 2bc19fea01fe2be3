using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
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

    /// <summary>The status that a call ended with, as its name.</summary>
    public static string StatusOf(HttpResponse response)
    {
        var trailers = response.HttpContext.Features.Get<IHttpResponseTrailersFeature>()?.Trailers;
        var text = trailers is not null && trailers.TryGetValue(StatusHeader, out var trailer) ? trailer : response.Headers[StatusHeader];
        return text == "0" ? nameof(StatusCode.OK)
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && Enum.IsDefined((StatusCode)number) ? ((StatusCode)number).ToString()
            : "none";
    }

    /// <summary>Refuses the request, or lets <paramref name="next"/> answer it, with its <see cref="Principal"/> as a feature.</summary>
    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        // What is no gRPC at all is refused as HTTP does it.
        if (context.Request.Protocol != HttpProtocol.Http2 || !HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        if (!context.Request.Path.StartsWithSegments(Health, StringComparison.Ordinal) && !await AdmitAsync(context).ConfigureAwait(false))
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

    private async ValueTask<bool> AdmitAsync(HttpContext context)
    {
        try
        {
            context.Features.Set(await AuthenticateAsync(context).ConfigureAwait(false));
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

    // Nearly always known without a wait.
    private async ValueTask<Principal> AuthenticateAsync(HttpContext context)
    {
        var principal = access.AuthenticateAsync(context, context.RequestAborted);
        if (principal.IsCompleted)
        {
            return await principal.ConfigureAwait(false);
        }

        try
        {
            return await principal.AsTask().WaitAsync(limits.DeadlineMax, context.RequestAborted).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, "the database did not say in time who calls", e));
        }
    }
}
