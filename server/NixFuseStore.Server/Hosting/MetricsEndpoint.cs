using Microsoft.AspNetCore.Connections;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Endpoints;

namespace NixFuseStore.Server.Hosting;

/// <summary>
/// Metrics in Prometheus' form: for those with a token at <see cref="Path"/> of every address, and for everyone on a listener that serves
/// nothing else.
/// </summary>
internal sealed class MetricsEndpoint(AccessControl access, ILogger logger)
{
    /// <summary>Where Prometheus asks, unless it is told otherwise.</summary>
    public const string Path = "/metrics";

    /// <summary>Marks connections of the listener for metrics.</summary>
    public static ConnectionDelegate Mark(ConnectionDelegate next) => connection =>
    {
        connection.Features.Set(Listener.Instance);
        return next(connection);
    };

    /// <summary>Whether a request came to the listener for metrics.</summary>
    public static bool IsItsOwn(HttpContext context) => context.Features.Get<Listener>() is not null;

    /// <summary>Refuses the request, or lets <paramref name="next"/> answer it.</summary>
    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            if (!IsItsOwn(context))
            {
                await access.AuthenticateAsync(context, context.RequestAborted).ConfigureAwait(false);
            }

            if (context.Request.Path != Path)
            {
                await ErrorResponse.WriteAsync(context, StatusCodes.Status404NotFound, $"there is only {Path} here").ConfigureAwait(false);
                return;
            }

            await next(context).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the one place where a request's failure, whatever it is, becomes its status
        catch (Exception e)
#pragma warning restore CA1031
        {
            await ErrorResponse.WriteAsync(context, e, challenge: "Bearer", logger).ConfigureAwait(false);
        }
    }

    private sealed class Listener
    {
        public static readonly Listener Instance = new();
    }
}
