using System.Text;
using Grpc.Core;
using NixFuseStore.Nix.Realisations;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>Answers requests for <c>realisations/….doi</c>: what the outputs of content-addressed derivations came to.</summary>
internal sealed class Realisations(IDerivationCatalog realisations)
{
    /// <summary>Sends Nix's JSON form.</summary>
    /// <exception cref="RpcException">NOT_FOUND: the output has none.</exception>
    public async Task SendAsync(StoreRecord store, string id, HttpContext context, CancellationToken cancellation)
    {
        var found = Realisation.IsId(id) ? await realisations.FindRealisationsAsync(store.Id, [id], cancellation).ConfigureAwait(false) : null;
        if (found is null || !found.TryGetValue(id, out var json))
        {
            throw new RpcException(new Status(StatusCode.NotFound, $"there is no realisation of {id} here"));
        }

        var bytes = Encoding.UTF8.GetBytes(json);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = bytes.Length;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(bytes, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Registers a realisation. One that is there already stays, and one of another path is refused.</summary>
    /// <exception cref="RejectedRequestException">It is no realisation of that output.</exception>
    /// <exception cref="RpcException">FAILED_PRECONDITION: the output has come to another path.</exception>
    public async Task ReceiveAsync(StoreRecord store, string id, HttpRequest request, CancellationToken cancellation)
    {
        if (!Realisation.IsId(id))
        {
            throw new RejectedRequestException($"'{id}' is not the id of a derivation's output (sha256:HEX!OUTPUT)");
        }

        var json = await TextBody.ReadAsync(request, Realisation.JsonLengthMax, cancellation).ConfigureAwait(false);
        if (!Realisation.TryParse(json, out var given) || given.Id != id)
        {
            throw new RejectedRequestException($"the body is not the JSON form of a realisation of {id}");
        }

        var registered = (await realisations.AddRealisationsAsync(store.Id, [new(id, json)], cancellation).ConfigureAwait(false))[id];
        if (Realisation.Parse(registered).OutPath is var path && path != given.OutPath)
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"{id} is realised by {path} here"));
        }
    }
}
