using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Content;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Signing;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Server.Upstreams;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>Each store as a binary cache of stock Nix, at <c>/NAME/…</c>. Says who may, and leaves each kind of file to its class.</summary>
internal sealed class BinaryCacheEndpoint(
    AccessControl access,
    ValidPaths paths,
    NarInfoFiles narInfoFiles,
    StoredNars nars,
    NarDownloads downloads,
    NarUploads uploads,
    NarInfoReceiver narInfos,
    IMissingPaths missing,
    BuildLogs logs,
    DebugInfos debugInfos,
    Realisations realisations,
    ServerLimits limits,
    ILogger logger)
{
    /// <summary>Stock Nix knows only the first, from a netrc file.</summary>
    private const string Challenge = "Basic realm=\"nixfuse-server\", Bearer";

    /// <summary>Puts the parts together.</summary>
    public static BinaryCacheEndpoint Create(
        AccessControl access,
        IMetadataStore metadata,
        ChunkStore chunks,
        StoreKeys keys,
        RegistrationQueue registrations,
        NarReceiver receiver,
        IMissingPaths missing,
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
            access, paths, narInfoFiles, nars, downloads, uploads, narInfos, missing, new BuildLogs(metadata), new DebugInfos(metadata), new Realisations(metadata), limits, logger);
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
            await ErrorResponse.WriteAsync(context, e, Challenge, logger).ConfigureAwait(false);
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
            throw new RpcException(new Status(StatusCode.NotFound, "a binary cache has no file of that name"));
        }

        if (isDownload)
        {
            await SendAsync(store, principal, file, context, cancellation).ConfigureAwait(false);
        }
        else if (isUpload)
        {
            await ReceiveAsync(store, principal, file, context, cancellation).ConfigureAwait(false);
        }
        else
        {
            context.Response.Headers.Allow = "GET, HEAD, PUT";
            await ErrorResponse.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "files of a binary cache are for GET, HEAD and PUT").ConfigureAwait(false);
        }
    }

    private async Task SendAsync(StoreRecord store, Principal principal, CacheFile file, HttpContext context, CancellationToken cancellation)
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
                await downloads.SendAsync(store, principal, file.Name, context, cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.DebugInfo:
                await debugInfos.SendAsync(store, file.Name, context, cancellation).ConfigureAwait(false);
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
            // The pace does it, which knows of HTTP/2 as well: there, a rate may only be switched off.
            rate.MinDataRate = null;
        }

        var (body, reader) = (request.Body, request.BodyReader);
        using var pace = new TransferPace(limits.UploadRate, TimeProvider.System, cancellation, reader.CancelPendingRead);
        request.Body = new PacedReadStream(reader, pace);
        try
        {
            await ReceiveAsync(store, principal, file, request, pace).ConfigureAwait(false);
        }
        finally
        {
            request.Body = body;
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task ReceiveAsync(StoreRecord store, Principal principal, CacheFile file, HttpRequest request, TransferPace pace)
    {
        var cancellation = pace.Token;
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
                await TextBody.CopyAsync(request, Stream.Null, limits.ListingBytesMax, cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.Nar:
                await uploads.ReceiveAsync(store, principal, file.Name, TextBody.Open(request), pace).ConfigureAwait(false);
                break;
            case CacheFileKind.DebugInfo:
                await debugInfos.ReceiveAsync(store, file.Name, request, cancellation).ConfigureAwait(false);
                break;
            case CacheFileKind.Log:
                await logs.ReceiveAsync(store, file.Name, request, cancellation).ConfigureAwait(false);
                break;
            default:
                await realisations.ReceiveAsync(store, file.Name, request, cancellation).ConfigureAwait(false);
                break;
        }
    }

    private async Task SendNarInfoAsync(StoreRecord store, string hashPart, HttpContext context, CancellationToken cancellation)
    {
        const string Type = "text/x-nix-narinfo";
        if (HttpMethods.IsHead(context.Request.Method))
        {
            // Whether the path is valid is known before its file is.
            context.Response.ContentType = Type;
            if (await paths.FindAsync(store, hashPart, cancellation).ConfigureAwait(false) is { IsDamaged: false })
            {
                return;
            }
        }

        var file = await narInfoFiles.FindAsync(store, hashPart, cancellation).ConfigureAwait(false);
        if (file is null)
        {
            // Fetched for HEAD as well: what an uploader is told to be here, what it uploads next may refer to.
            // "Not found" also where it is upstream and cannot be had: Nix gives a whole cache up for a while after any other status.
            var failure = await missing.BringAsync(store, hashPart, cancellation).ConfigureAwait(false);
            file = failure is null ? await narInfoFiles.FindAsync(store, hashPart, cancellation).ConfigureAwait(false) : null;
            if (file is null)
            {
                throw failure is { Length: > 0 } ? new RpcException(new Status(StatusCode.NotFound, $"no valid path has the hash part {hashPart}: {failure}")) : NotValid(hashPart);
            }
        }

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

    private static RpcException NotValid(string hashPart) => new(new Status(StatusCode.NotFound, $"no valid path has the hash part {hashPart}"));
}
