using Grpc.Core;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>Answers requests for <c>log/…</c>.</summary>
internal sealed class BuildLogs(IBuildLogCatalog logs)
{
    private const int CompressionLevel = 9;

    /// <summary>Sends a log as text.</summary>
    /// <exception cref="RpcException">NOT_FOUND: the derivation has none.</exception>
    public async Task SendAsync(StoreRecord store, string name, HttpContext context, CancellationToken cancellation)
    {
        var log = StorePath.TryParseBaseName(name, out var derivation)
            ? await logs.FindBuildLogAsync(store.Id, derivation, cancellation).ConfigureAwait(false)
            : null;
        if (log is null)
        {
            throw new RpcException(new Status(StatusCode.NotFound, $"there is no log of {name} here"));
        }

        var response = context.Response;
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = log.PlainLength;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            var text = new ZstdDecompressStream(new MemoryStream(log.Zstd.ToArray()));
            await using (text.ConfigureAwait(false))
            {
                await text.CopyToAsync(response.Body, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Keeps a log; one that is there already stays.</summary>
    /// <exception cref="RejectedRequestException">It is too long, or its name is that of no derivation.</exception>
    public async Task ReceiveAsync(StoreRecord store, string name, HttpRequest request, CancellationToken cancellation)
    {
        if (!StorePath.TryParseBaseName(name, out var derivation) || !name.EndsWith(".drv", StringComparison.Ordinal))
        {
            throw new RejectedRequestException($"'{name}' is not the base name of a derivation");
        }

        var compressed = new MemoryStream();
        int length;
        var writer = new ZstdCompressStream(compressed, CompressionLevel, leaveOpen: true);
        await using (writer.ConfigureAwait(false))
        {
            length = await TextBody.CopyAsync(request, writer, BuildLog.PlainBytesMax, cancellation).ConfigureAwait(false);
        }

        var zstd = compressed.GetBuffer().AsMemory(0, (int)compressed.Length);
        if (zstd.Length > BuildLog.ZstdBytesMax)
        {
            throw new RejectedRequestException($"the log is longer than {BuildLog.ZstdBytesMax} bytes even when compressed");
        }

        await logs.AddBuildLogAsync(store.Id, derivation, new BuildLog(length, zstd), cancellation).ConfigureAwait(false);
    }
}
