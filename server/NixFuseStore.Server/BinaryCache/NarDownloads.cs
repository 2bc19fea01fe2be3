using Microsoft.AspNetCore.Http;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Protocol.Grpc;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>Answers GET and HEAD of <c>nar/…</c>.</summary>
internal sealed class NarDownloads(
    IMetadataStore metadata, ValidPaths paths, PlainNarSender plain, ZstdNars zstd, ServerLimits limits)
{
    // A slow client holds its buffers and a place here; Kestrel drops those that take next to nothing.
    private readonly Turns _downloads = new(limits.NarDownloadsMax);

    /// <summary>Sends a NAR.</summary>
    /// <exception cref="RpcException">NOT_FOUND: no valid path has it.</exception>
    public async Task SendAsync(StoreRecord store, string name, HttpContext context, CancellationToken cancellation)
    {
        var parsed = NarFileName.Parse(name) ?? throw NotFound(name);
        var (path, compression) = parsed.HashPart is { } hashPart
            ? (await FindAsync(store, hashPart, parsed.Hash, cancellation).ConfigureAwait(false), parsed.Compression)
            : await FindUploadedAsync(store, name, HttpMethods.IsHead(context.Request.Method), cancellation).ConfigureAwait(false);
        context.Response.ContentType = "application/x-nix-nar";
        if (path is null)
        {
            // Somebody asks whether a file has to be uploaded that only lacks its narinfo.
            return;
        }

        // A name stands for one content for ever, and whoever may read it may keep it.
        var isPublic = context.Request.Headers.Authorization.Count == 0;
        context.Response.Headers.CacheControl = (isPublic ? "public" : "private") + ", max-age=31536000, immutable";
        if (!await TrySendAsync(store, path, compression, context, cancellation).ConfigureAwait(false))
        {
            throw NotFound(name);
        }
    }

    private async Task<bool> TrySendAsync(
        StoreRecord store, StoredPath path, NarCompression compression, HttpContext context, CancellationToken cancellation)
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
            return true;
        }

        using var turn = await _downloads.TakeAsync(cancellation).ConfigureAwait(false);
        return compression switch
        {
            NarCompression.None => await plain.TrySendAsync(store, path, start, end, response, cancellation).ConfigureAwait(false),
            NarCompression.Zstd => await zstd.TrySendAsync(store, path, response, cancellation).ConfigureAwait(false),
            _ => await plain.TrySendAsync(store, path, compression, response, cancellation).ConfigureAwait(false),
        };
    }

    private async Task<StoredPath?> FindAsync(StoreRecord store, string hashPart, NixHash narHash, CancellationToken cancellation)
    {
        var valid = await paths.FindAsync(store, hashPart, cancellation).ConfigureAwait(false);
        return valid is not null && narHash.Digest.SequenceEqual(valid.NarHash) ? valid : throw NotFound(hashPart);
    }

    private async Task<(StoredPath? Path, NarCompression Compression)> FindUploadedAsync(
        StoreRecord store, string name, bool draftsToo, CancellationToken cancellation)
    {
        var file = await metadata.FindNarFileAsync(store.Id, name, cancellation).ConfigureAwait(false) ?? throw NotFound(name);
        if (file.Path is { } path && await paths.FindAsync(store, path.HashPart, cancellation).ConfigureAwait(false) is { } valid)
        {
            return (valid, file.Compression);
        }

        return file.Draft is not null && draftsToo ? (null, file.Compression) : throw NotFound(name);
    }

    private static RpcException NotFound(string name) => new(StatusCode.NotFound, $"no valid path of this store has the NAR {name}");
}
