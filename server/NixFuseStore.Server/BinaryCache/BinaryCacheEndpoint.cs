using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using NixFuseStore.Protocol.Grpc;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.DataPlane;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Services;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>Each store as a binary cache of stock Nix, at <c>/NAME/…</c>. Says who may, and leaves each kind of file to its class.</summary>
internal sealed class BinaryCacheEndpoint(
    AccessControl access,
    ValidPaths paths,
    NarInfoFiles narInfoFiles,
    StoredNars nars,
    NarDownloads downloads,
    NarUploads uploads,
    NarInfoReceiver narInfos,
    BuildLogs logs,
    Realisations realisations,
    ServerLimits limits,
    ILogger logger)
{
    /// <summary>Stock Nix knows only the first, from a netrc file.</summary>
    private const string Challenge = "Basic realm=\"nixfuse-server\", Bearer";

    /// <summary>Who uploads less than this for so long is gone or asleep, and keeps others from their turn.</summary>
    private static readonly MinDataRate UploadRate = new(bytesPerSecond: 4096, gracePeriod: TimeSpan.FromSeconds(15));

    /// <summary>Puts the parts together.</summary>
    public static BinaryCacheEndpoint Create(
        AccessControl access,
        IMetadataStore metadata,
        ChunkStore chunks,
        StoreKeys keys,
        RegistrationGroups registrations,
        NarReceiver receiver,
        LocationCache locations,
        StoreEvents events,
        ServerLimits limits,
        ILogger logger)
    {
        var paths = new ValidPaths(metadata, events, limits);
        var nars = new StoredNars(metadata, locations);
        var zstd = new ZstdNars(nars, chunks, metadata, events, limits);
        var narInfoFiles = new NarInfoFiles(paths, keys, zstd, events, limits);
        var downloads = new NarDownloads(metadata, paths, new PlainNarSender(nars, chunks, limits), zstd, limits);
        var uploads = new NarUploads(metadata, receiver, limits);
        var narInfos = new NarInfoReceiver(metadata, uploads, registrations);
        return new BinaryCacheEndpoint(
            access, paths, narInfoFiles, nars, downloads, uploads, narInfos, new BuildLogs(metadata), new Realisations(metadata), limits, logger);
    }

    /// <summary>Whether a path may be that of a file of some store: there is something behind its first part.</summary>
    public static bool Serves(PathString path) => path.Value is { } text && text.IndexOf('/', 1) is > 1 and var slash && slash + 1 < text.Length;

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
            await Refusal.WriteAsync(context, e, Challenge, logger).ConfigureAwait(false);
        }
    }

    private async Task AnswerAsync(HttpContext context, CancellationToken cancellation)
    {
        var principal = await access.AuthenticateAsync(context, cancellation).ConfigureAwait(false);
        var path = context.Request.Path.Value!;
        var slash = path.IndexOf('/', 1);
        var isUpload = HttpMethods.IsPut(context.Request.Method);
        var isDownload = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        var store = await access.RequireAsync(principal, path[1..slash], isUpload ? AccessRights.Write : AccessRights.Read, cancellation).ConfigureAwait(false);
        if (!CacheFile.TryParse(path[(slash + 1)..], out var file))
        {
            throw new RpcException(StatusCode.NotFound, "a binary cache has no file of that name");
        }

        if (isDownload)
        {
            await SendAsync(store, file, context, cancellation).ConfigureAwait(false);
        }
        else if (isUpload)
        {
            await ReceiveAsync(store, principal, file, context, cancellation).ConfigureAwait(false);
        }
        else
        {
            context.Response.Headers.Allow = "GET, HEAD, PUT";
            await Refusal.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "files of a binary cache are for GET, HEAD and PUT").ConfigureAwait(false);
        }
    }

    private async Task SendAsync(StoreRecord store, CacheFile file, HttpContext context, CancellationToken cancellation)
    {
        switch (file.Kind)
        {
            case CacheFileKind.CacheInfo:
                await SendAsync(context, "text/x-nix-cache-info", CacheInfo.Print(store), cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.NarInfo:
                await SendNarInfoAsync(store, file.Name, context, cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.Listing:
                var listed = await paths.FindAsync(store, file.Name, cancellation).ConfigureAwait(false) ?? throw NotValid(file.Name);
                var nar = await nars.OpenAsync(store, listed, cancellation).ConfigureAwait(false) ?? throw NotValid(file.Name);
                await SendAsync(context, "application/json", ListingWriter.Write(nar), cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.Nar:
                await downloads.SendAsync(store, file.Name, context, cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.Log:
                await logs.SendAsync(store, file.Name, context, cancellation).ConfigureAwait(false);
                break;
            default:
                await realisations.SendAsync(store, file.Name, context, cancellation).ConfigureAwait(false);
                break;
        }
    }

    private async Task ReceiveAsync(StoreRecord store, Principal principal, CacheFile file, HttpContext context, CancellationToken cancellation)
    {
        var request = context.Request;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = UploadRate;
        }

        switch (file.Kind)
        {
            case CacheFileKind.CacheInfo:
                CacheInfo.Check(store, await TextBody.ReadAsync(request, CacheInfo.BytesMax, cancellation).ConfigureAwait(false));
                break;
            case CacheFileKind.NarInfo:
                var text = await TextBody.ReadAsync(request, limits.NarInfoBytesMax, cancellation).ConfigureAwait(false);
                await narInfos.ReceiveAsync(store, principal, file.Name, text, cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.Listing:
                // Nix sends it before the NAR; here it is made from the NAR.
                await TextBody.CopyAsync(request, Stream.Null, int.MaxValue, cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.Nar:
                await uploads.ReceiveAsync(store, principal, file.Name, TextBody.Open(request), cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.Log:
                await logs.ReceiveAsync(store, file.Name, request, cancellation).ConfigureAwait(false);
                break;
            default:
                await realisations.ReceiveAsync(store, file.Name, request, cancellation).ConfigureAwait(false);
                break;
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task SendNarInfoAsync(StoreRecord store, string hashPart, HttpContext context, CancellationToken cancellation)
    {
        const string Type = "text/x-nix-narinfo";
        if (HttpMethods.IsHead(context.Request.Method))
        {
            // Whoever only asks whether the path is valid need not wait for the file.
            context.Response.ContentType = Type;
            _ = await paths.FindAsync(store, hashPart, cancellation).ConfigureAwait(false) ?? throw NotValid(hashPart);
            return;
        }

        var file = await narInfoFiles.FindAsync(store, hashPart, cancellation).ConfigureAwait(false) ?? throw NotValid(hashPart);
        await SendAsync(context, Type, file, cancellation).ConfigureAwait(false);
    }

    private static async ValueTask SendAsync(HttpContext context, string type, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = bytes.Length;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await context.Response.BodyWriter.WriteAsync(bytes, cancellation).ConfigureAwait(false);
        }
    }

    private static RpcException NotValid(string hashPart) => new(StatusCode.NotFound, $"no valid path has the hash part {hashPart}");
}
