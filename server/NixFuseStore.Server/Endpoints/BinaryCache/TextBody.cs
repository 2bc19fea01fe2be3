using System.Text;
using Microsoft.AspNetCore.Http.Features;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Ingest;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>Reads the bodies of PUT requests, which newer Nix compresses where it is told to (<c>narinfo-compression</c> and the like).</summary>
internal static class TextBody
{
    /// <summary>Opens a body as plain bytes. The result may be disposed; the body stays open.</summary>
    /// <exception cref="RejectedRequestException">It is encoded in an unknown way.</exception>
    public static Stream Open(HttpRequest request)
    {
        // Each reader has its own bound.
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        var encoding = request.Headers.ContentEncoding.ToString();
        return encoding switch
        {
            "" or "identity" => request.Body,
            _ => NarCompressions.TryParse(encoding, out var compression)
                ? CompressionStreams.OpenReader(compression.Value, request.Body)
                : throw new RejectedRequestException($"the content encoding '{encoding}' is not known here"),
        };
    }

    /// <summary>Reads a whole body as text.</summary>
    /// <exception cref="RejectedRequestException">It is longer than allowed, or no text.</exception>
    public static async Task<string> ReadAsync(HttpRequest request, int bytesMax, CancellationToken cancellation)
    {
        using var text = new MemoryStream();
        await CopyAsync(request, text, bytesMax, cancellation).ConfigureAwait(false);
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(text.GetBuffer(), 0, (int)text.Length);
        }
        catch (DecoderFallbackException)
        {
            throw new RejectedRequestException("the body is no UTF-8 text");
        }
    }

    /// <summary>Writes a body's plain bytes to a stream, synchronously.</summary>
    /// <returns>How many.</returns>
    /// <exception cref="RejectedRequestException">There are more than allowed, or they cannot be decoded.</exception>
    public static async Task<int> CopyAsync(HttpRequest request, Stream output, int bytesMax, CancellationToken cancellation)
    {
        var body = Open(request);
        var buffer = new byte[16 << 10];
        var total = 0L;
        try
        {
            for (int length; (length = await body.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
            {
                total += length;
                if (total > bytesMax)
                {
                    throw new RejectedRequestException($"the body is longer than the {bytesMax} bytes that this server takes");
                }

                output.Write(buffer, 0, length);
            }
        }
        catch (InvalidDataException e)
        {
            throw new RejectedRequestException($"the body cannot be decoded: {e.Message.TrimEnd('.')}");
        }
        finally
        {
            if (body != request.Body)
            {
                await body.DisposeAsync().ConfigureAwait(false);
            }
        }

        return (int)total;
    }
}
