using System.IO.Pipelines;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Content;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>Sends NARs as they are, whole or a range, or compressed as they were once uploaded.</summary>
internal sealed class PlainNarSender(StoredNars nars, ChunkStore chunks, ServerLimits limits)
{
    /// <summary>So much is gathered before it is sent.</summary>
    private const int FlushBytes = 64 << 10;

    /// <summary>Sends the bytes from <paramref name="start"/> to before <paramref name="end"/>. The response's headers are the caller's.</summary>
    /// <returns>False where the path was removed meanwhile.</returns>
    public async Task<bool> TrySendAsync(
        StoreRecord store, StoredPath path, long start, long end, HttpResponse response, CancellationToken cancellation)
    {
        if (await nars.OpenAsync(store, path, cancellation).ConfigureAwait(false) is not { } nar)
        {
            return false;
        }

        response.ContentLength = end - start;
        await WriteAsync(store, nar, start, end, new NarOutput(response.BodyWriter), response.BodyWriter, cancellation).ConfigureAwait(false);
        await NarOutput.FlushAsync(response.BodyWriter, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>Sends the whole NAR, compressed.</summary>
    /// <returns>False where the path was removed meanwhile.</returns>
    public async Task<bool> TrySendAsync(
        StoreRecord store, StoredPath path, NarCompression compression, HttpResponse response, CancellationToken cancellation)
    {
        if (await nars.OpenAsync(store, path, cancellation).ConfigureAwait(false) is not { } nar)
        {
            return false;
        }

        var output = response.BodyWriter;
        var compressed = CompressionStreams.OpenWriter(compression, new NarOutput(output));
        await using (compressed.ConfigureAwait(false))
        {
            await WriteAsync(store, nar, 0, (long)path.NarSize, compressed, output, cancellation).ConfigureAwait(false);
        }

        await NarOutput.FlushAsync(output, cancellation).ConfigureAwait(false);
        return true;
    }

    private async Task WriteAsync(
        StoreRecord store, StoredNar nar, long start, long end, Stream stream, PipeWriter output, CancellationToken cancellation)
    {
        using var content = new StoredContent(store, nar, chunks, limits.ReadRunBytes);
        var unflushed = 0;
        await foreach (var bytes in PlainNar.ReadAsync(nar, content, start, end, cancellation).ConfigureAwait(false))
        {
            stream.Write(bytes.Span);
            unflushed += bytes.Length;
            if (unflushed >= FlushBytes)
            {
                unflushed = await NarOutput.FlushAsync(output, cancellation).ConfigureAwait(false);
            }
        }
    }
}
