using Grpc.Core;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Content;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>Answers GET and HEAD of <c>nar/…</c>.</summary>
internal sealed class NarDownloads(
    IMetadataStore metadata, ValidPaths paths, PlainNarSender plain, ZstdNars zstd, ServerLimits limits)
{
    // A slow client holds its buffers and a place here.
    private readonly TransferPlaces _downloads = new(limits.NarDownloadsMax, limits.NarDownloadShare, limits.StalledAfter, TimeProvider.System);

    /// <summary>Sends a NAR.</summary>
    /// <exception cref="RpcException">NOT_FOUND: no valid path has it.</exception>
    public async Task SendAsync(StoreRecord store, Principal principal, string name, HttpContext context, CancellationToken cancellation)
    {
        var parsed = NarFileName.Parse(name) ?? throw NotFound(name);
        var (path, compression, length) = parsed.HashPart is { } hashPart
            ? (await FindAsync(store, hashPart, parsed.Hash, cancellation).ConfigureAwait(false), parsed.Compression, null)
            : await FindUploadedAsync(store, name, HttpMethods.IsHead(context.Request.Method), cancellation).ConfigureAwait(false);
        context.Response.ContentType = "application/x-nix-nar";
        if (path is null)
        {
            // A client asks whether a file has to be uploaded that only lacks its narinfo.
            context.Response.ContentLength = length;
            return;
        }

        // A name stands for one content for ever, and a client that may read it may keep it.
        var isPublic = context.Request.Headers.Authorization.Count == 0;
        context.Response.Headers.CacheControl = (isPublic ? "public" : "private") + ", max-age=31536000, immutable";
        if (!await TrySendAsync(store, principal, path, compression, context, cancellation).ConfigureAwait(false))
        {
            throw NotFound(name);
        }
    }

    private async Task<bool> TrySendAsync(
        StoreRecord store, Principal principal, StoredPath path, NarCompression compression, HttpContext context, CancellationToken cancellation)
    {
        var response = context.Response;
        var (start, end) = (0L, (long)path.NarSize);
        if (compression == NarCompression.None)
        {
            response.Headers.AcceptRanges = "bytes";
            response.ContentLength = end;
            if (!ByteRange.TryApply(context, ref start, ref end))
            {
                return true;
            }
        }

        if (HttpMethods.IsHead(context.Request.Method))
        {
            // How long a file of another compression would be is known only once it is written.
            if (compression == NarCompression.Zstd && await zstd.DescribeAsync(store, path, cancellation).ConfigureAwait(false) is { } file)
            {
                response.ContentLength = file.Size;
            }

            return true;
        }

        using var pace = new TransferPace(limits.DownloadRate, TimeProvider.System, cancellation);
        using var place = await _downloads.TakeAsync(principal.Name, pace).ConfigureAwait(false);
        PacedResponse.Install(context, pace);
        try
        {
            return compression switch
            {
                NarCompression.None => await plain.TrySendAsync(store, path, start, end, response, pace.Token).ConfigureAwait(false),
                NarCompression.Zstd => await zstd.TrySendAsync(store, path, response, pace.Token).ConfigureAwait(false),
                _ => await plain.TrySendAsync(store, path, compression, response, pace.Token).ConfigureAwait(false),
            };
        }
        finally
        {
            PacedResponse.Remove(context);
        }
    }

    private async Task<StoredPath?> FindAsync(StoreRecord store, string hashPart, NixHash narHash, CancellationToken cancellation)
    {
        var valid = await paths.FindAsync(store, hashPart, cancellation).ConfigureAwait(false);
        return valid is { IsDamaged: false } && narHash.Digest.SequenceEqual(valid.NarHash) ? valid : throw NotFound(hashPart);
    }

    private async Task<(StoredPath? Path, NarCompression Compression, long? Length)> FindUploadedAsync(
        StoreRecord store, string name, bool draftsToo, CancellationToken cancellation)
    {
        var file = await metadata.FindNarFileAsync(store.Id, name, cancellation).ConfigureAwait(false) ?? throw NotFound(name);
        if (file.Path is { } path && await paths.FindAsync(store, path.HashPart, cancellation).ConfigureAwait(false) is { IsDamaged: false } valid)
        {
            return (valid, file.Compression, null);
        }

        return file.Draft is not null && draftsToo ? (null, file.Compression, (long)file.FileSize) : throw NotFound(name);
    }

    private static RpcException NotFound(string name) => new(new Status(StatusCode.NotFound, $"no valid path of this store has the NAR {name}"));
}
