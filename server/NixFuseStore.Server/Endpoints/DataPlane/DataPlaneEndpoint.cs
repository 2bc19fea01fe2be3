using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using NixFuseStore.Content;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Content;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.DataPlane;

/// <summary>Answers what <c>data.proto</c> describes.</summary>
internal sealed class DataPlaneEndpoint(
    AccessControl access, ChunkReader reader, ChunkReceiver receiver, NarReceiver nars, ServerLimits limits, ILogger logger)
{
    private const string PathPrefix = "/data/v1/";

    public static bool Serves(PathString path) => path.Value is { } text && text.StartsWith(PathPrefix, StringComparison.Ordinal);

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await AnswerAsync(context, context.RequestAborted).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the one place where a request's failure, whatever it is, becomes its status
        catch (Exception e)
#pragma warning restore CA1031
        {
            await ErrorResponse.WriteAsync(context, e, challenge: "Bearer", logger).ConfigureAwait(false);
        }
    }

    private async Task AnswerAsync(HttpContext context, CancellationToken cancellation)
    {
        var principal = await access.AuthenticateAsync(context, cancellation).ConfigureAwait(false);
        var parts = context.Request.Path.Value![PathPrefix.Length..].Split('/');
        var isPost = HttpMethods.IsPost(context.Request.Method);
        switch (parts)
        {
            case [var store, "chunks", "read"] when isPost:
                await ReadAsync(context, principal, await RequireAsync(principal, store, AccessRights.Read, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                break;
            case [var store, "chunks"] when isPost:
                await UploadAsync(context, await RequireAsync(principal, store, AccessRights.Write, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                break;
            case [var store, "nars"] when isPost:
                await ReceiveNarAsync(
                    context, principal, await RequireAsync(principal, store, AccessRights.Write, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                break;
            case [var store, "manifests", var digest, "chunks", var range] when HttpMethods.IsGet(context.Request.Method):
                await GetAsync(
                    context, principal, await RequireAsync(principal, store, AccessRights.Read, cancellation).ConfigureAwait(false), digest, range, cancellation).ConfigureAwait(false);
                break;
            default:
                throw new RpcException(new Status(StatusCode.NotFound, $"there is nothing at {context.Request.Method} {context.Request.Path}"));
        }
    }

    private async Task ReadAsync(HttpContext context, Principal principal, StoreRecord store, CancellationToken cancellation)
    {
        var body = await RequestBody.ReadAllAsync(context.Request.BodyReader, limits.ReadRequestBytesMax, cancellation).ConfigureAwait(false);
        var request = new ReadChunksRequest();
        try
        {
            request.MergeFrom(body);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"the request cannot be read: {e.Message}", e));
        }

        var wanted = WantedChunks.Parse(request, limits.ReadChunksMax);
        await reader.SendAsync(store, principal, wanted, context, wholeOnly: false, cancellation).ConfigureAwait(false);
    }

    private async Task GetAsync(HttpContext context, Principal principal, StoreRecord store, string digest, string range, CancellationToken cancellation)
    {
        if (!ManifestDigest.TryParse(digest, out var manifest) || !TryParseRange(range, out var first, out var count))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "expected …/manifests/{64 hex digits}/chunks/{first}-{last}"));
        }

        // Whatever a proxy keeps must be whole; so here a missing chunk fails the request and not its frame.
        var wanted = WantedChunks.Of(manifest, first, count, limits.ReadChunksMax);
        await reader.CheckAsync(store, wanted, cancellation).ConfigureAwait(false);
        var isPublic = context.Request.Headers.Authorization.Count == 0;
        context.Response.Headers.CacheControl = (isPublic ? "public" : "private") + ", max-age=31536000, immutable";
        await reader.SendAsync(store, principal, wanted, context, wholeOnly: true, cancellation).ConfigureAwait(false);
    }

    private async Task UploadAsync(HttpContext context, StoreRecord store, CancellationToken cancellation)
    {
        AllowAnyLength(context);
        await AnswerAsync(context, await receiver.ReceiveAsync(store, context.Request.BodyReader, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
    }

    private async Task ReceiveNarAsync(HttpContext context, Principal principal, StoreRecord store, CancellationToken cancellation)
    {
        AllowAnyLength(context);
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            // Such a NAR comes as fast as the process that adds it has it, which the pace of such uploads allows for.
            rate.MinDataRate = null;
        }

        using var pace = new TransferPace(limits.AddingRate, TimeProvider.System, cancellation, context.Request.BodyReader.CancelPendingRead);
        var nar = await nars.ReceivePlainAsync(store, principal, context.Request.BodyReader, long.MaxValue, pace).ConfigureAwait(false);
        var response = new UploadNarResponse
        {
            NarHash = ByteString.CopyFrom(nar.NarHash.Digest),
            NarSize = nar.NarSize,
            Draft = ManifestDraft.Of(nar.Manifest),
        };
        await AnswerAsync(context, response, cancellation).ConfigureAwait(false);
    }

    private static void AllowAnyLength(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }
    }

    private static async Task AnswerAsync(HttpContext context, IMessage response, CancellationToken cancellation)
    {
        var bytes = response.ToByteArray();
        context.Response.ContentType = "application/x-protobuf";
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, cancellation).ConfigureAwait(false);
    }

    private ValueTask<StoreRecord> RequireAsync(Principal principal, string store, AccessRights right, CancellationToken cancellation) =>
        access.RequireAsync(principal, store, right, cancellation);

    private static bool TryParseRange(string text, out uint first, out uint count)
    {
        count = 0;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        if (!uint.TryParse(text.AsSpan(0, Math.Max(0, dash)), NumberStyles.None, CultureInfo.InvariantCulture, out first)
            || !uint.TryParse(text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            || last < first || last == uint.MaxValue)
        {
            return false;
        }

        count = last - first + 1;
        return true;
    }
}
