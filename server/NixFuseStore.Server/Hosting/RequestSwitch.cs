using Microsoft.AspNetCore.Http;
using NixFuseStore.Server.BinaryCache;
using NixFuseStore.Server.DataPlane;
using NixFuseStore.Server.Grpc;

namespace NixFuseStore.Server.Hosting;

/// <summary>Which endpoint a request is for. A handful of fixed prefixes: routing would only cost start-up time.</summary>
internal sealed class RequestSwitch(GrpcEndpoint grpc, DataPlaneEndpoint data, BinaryCacheEndpoint cache)
{
    public Task HandleAsync(HttpContext context)
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

        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return context.Response.WriteAsync("there is nothing here; this is a nixfuse-server\n");
    }
}
