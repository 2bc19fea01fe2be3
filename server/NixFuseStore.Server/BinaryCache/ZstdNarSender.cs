using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using NixFuseStore.Content;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>Sends NARs as .zst files. What had to be compressed for that is remembered, within a bound, so that the next one is mere copying.</summary>
internal sealed class ZstdNarSender(StoredNars nars, ChunkStore chunks, StoreChanges changes, ServerLimits limits)
{
    /// <summary>About what a segment takes in memory besides its bytes.</summary>
    private const int SegmentBytes = 64;

    /// <summary>Small segments gather until there is so much to be sent.</summary>
    private const int FlushBytes = 64 << 10;

    private readonly StoreCache<ManifestDigest, BuiltZstdNar> _built = new(changes, limits.RememberedNarBytes, static nar => nar.Weight);

    /// <summary>Sends the file.</summary>
    /// <returns>False where the path was removed meanwhile.</returns>
    public async Task<bool> TrySendAsync(StoreRecord store, StoredPath path, HttpResponse response, CancellationToken cancellation)
    {
        if (_built.TryGet(store, path.ManifestDigest, out var built, out var generation))
        {
            response.ContentLength = built.Length;
            var unflushed = 0;
            foreach (var segment in built.Segments)
            {
                unflushed = await SendAsync(segment, response.BodyWriter, unflushed, cancellation).ConfigureAwait(false);
            }

            await NarOutput.FlushAsync(response.BodyWriter, cancellation).ConfigureAwait(false);
            return true;
        }

        if (await nars.OpenAsync(store, path, cancellation).ConfigureAwait(false) is not { } nar)
        {
            return false;
        }

        built = await BuildAndSendAsync(nar, response.BodyWriter, cancellation).ConfigureAwait(false);
        if (built is not null)
        {
            _built.Add(store, path.ManifestDigest, built, generation);
        }

        return true;
    }

    /// <summary>Sends segments as they are made.</summary>
    /// <returns>All of them, or null where they are too much to be remembered.</returns>
    private async Task<BuiltZstdNar?> BuildAndSendAsync(StoredNar nar, PipeWriter output, CancellationToken cancellation)
    {
        using var content = new StoredContent(nar, chunks, limits.ReadRunBytes);
        List<ZstdSegment>? segments = [];
        var (length, weight, unflushed) = (0L, 0L, 0);
        await foreach (var segment in ZstdNar.BuildAsync(nar, content, limits.ReadRunBytes, cancellation).ConfigureAwait(false))
        {
            unflushed = await SendAsync(segment, output, unflushed, cancellation).ConfigureAwait(false);
            length += segment.Length;
            weight += segment.Literal.Length + SegmentBytes;
            segments?.Add(segment);
            if (weight > limits.RememberedNarBytesEach)
            {
                segments = null;
            }
        }

        await NarOutput.FlushAsync(output, cancellation).ConfigureAwait(false);
        return segments is null ? null : new BuiltZstdNar(segments, length, weight);
    }

    private async ValueTask<int> SendAsync(ZstdSegment segment, PipeWriter output, int unflushed, CancellationToken cancellation)
    {
        if (segment.PackLength == 0)
        {
            output.Write(segment.Literal.Span);
        }
        else
        {
            // Straight into the response's own buffer.
            var buffer = output.GetMemory(segment.PackLength)[..segment.PackLength];
            await chunks.ReadAsync(segment.Pack, segment.Offset, buffer, cancellation).ConfigureAwait(false);
            output.Advance(segment.PackLength);
        }

        unflushed += segment.Length;
        return unflushed < FlushBytes ? unflushed : await NarOutput.FlushAsync(output, cancellation).ConfigureAwait(false);
    }
}
