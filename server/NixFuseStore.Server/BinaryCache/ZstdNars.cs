using System.Buffers;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using NixFuseStore.Content;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>
/// NARs as .zst files, sent or described. What had to be compressed for that is remembered, within a bound, so that the next time is mere
/// copying. Calls may overlap.
/// </summary>
internal sealed class ZstdNars(StoredNars nars, ChunkStore chunks, INarFileCatalog files, StoreEvents events, ServerLimits limits)
{
    /// <summary>About what a segment takes in memory besides its bytes.</summary>
    private const int SegmentBytes = 64;

    /// <summary>Small segments gather until there is so much to be sent.</summary>
    private const int FlushBytes = 64 << 10;

    private readonly StoreCache<ManifestDigest, BuiltZstdNar> _built = new(events, limits.RememberedNarBytes, static nar => nar.Weight, holdsSignatures: false);

    /// <summary>Descriptions that are computed at the same time: each keeps a core busy.</summary>
    private readonly Turns _descriptions = new(limits.VerificationsMax);

    /// <summary>Hash and size of the file. Writing it once tells them, and the database remembers.</summary>
    /// <returns>Null where the path was removed meanwhile.</returns>
    public async Task<CompressedNar?> DescribeAsync(StoreRecord store, StoredPath path, CancellationToken cancellation)
    {
        if (await files.FindCompressedNarAsync(path.ManifestDigest, ZstdNar.Encoder, cancellation).ConfigureAwait(false) is { } known)
        {
            return known;
        }

        using var turn = await _descriptions.TakeAsync(cancellation).ConfigureAwait(false);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var scratch = new HashingWriter(hash);
        if (await WriteAsync(store, path, scratch, _ => ValueTask.CompletedTask, cancellation).ConfigureAwait(false) is not { } length)
        {
            return null;
        }

        var file = new CompressedNar(hash.GetHashAndReset(), length);
        await files.AddCompressedNarAsync(path.ManifestDigest, ZstdNar.Encoder, file, cancellation).ConfigureAwait(false);
        return file;
    }

    /// <summary>Sends the file.</summary>
    /// <returns>False where the path was removed meanwhile.</returns>
    public async Task<bool> TrySendAsync(StoreRecord store, StoredPath path, HttpResponse response, CancellationToken cancellation)
    {
        var output = response.BodyWriter;
        var unflushed = 0;
        var length = await WriteAsync(store, path, output, FlushAsync, cancellation, whole => response.ContentLength = whole).ConfigureAwait(false);
        if (length is null)
        {
            return false;
        }

        await NarOutput.FlushAsync(output, cancellation).ConfigureAwait(false);
        return true;

        async ValueTask FlushAsync(int written)
        {
            unflushed += written;
            if (unflushed >= FlushBytes)
            {
                unflushed = await NarOutput.FlushAsync(output, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Writes the file.</summary>
    /// <param name="store">The store.</param>
    /// <param name="path">The path.</param>
    /// <param name="output">Where to.</param>
    /// <param name="written">Called after each segment, with its length.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="lengthKnown">Called before the first segment with the length of the file, where that is known so early.</param>
    /// <returns>Bytes of the file; null where the path was removed meanwhile.</returns>
    private async Task<long?> WriteAsync(
        StoreRecord store,
        StoredPath path,
        IBufferWriter<byte> output,
        Func<int, ValueTask> written,
        CancellationToken cancellation,
        Action<long>? lengthKnown = null)
    {
        // 1. What was built lately only has to be copied.
        if (_built.TryGet(store, path.ManifestDigest, out var built, out var moment))
        {
            lengthKnown?.Invoke(built.Length);
            foreach (var segment in built.Segments)
            {
                await WriteAsync(segment, output, cancellation).ConfigureAwait(false);
                await written(segment.Length).ConfigureAwait(false);
            }

            return built.Length;
        }

        if (await nars.OpenAsync(store, path, cancellation).ConfigureAwait(false) is not { } nar)
        {
            return null;
        }

        // 2. Anything else is written while it is built, and remembered unless it is too much.
        using var content = new StoredContent(nar, chunks, limits.ReadRunBytes);
        List<ZstdSegment>? segments = [];
        var (length, weight) = (0L, 0L);
        await foreach (var segment in ZstdNar.BuildAsync(nar, content, limits.ReadRunBytes, cancellation).ConfigureAwait(false))
        {
            await WriteAsync(segment, output, cancellation).ConfigureAwait(false);
            await written(segment.Length).ConfigureAwait(false);
            length += segment.Length;
            weight += segment.Literal.Length + SegmentBytes;
            segments?.Add(segment);
            if (weight > limits.RememberedNarBytesEach)
            {
                segments = null;
            }
        }

        if (segments is not null)
        {
            _built.Add(store, path.ManifestDigest, path.Path.HashPart, new BuiltZstdNar(segments, length, weight), moment);
        }

        return length;
    }

    private async ValueTask WriteAsync(ZstdSegment segment, IBufferWriter<byte> output, CancellationToken cancellation)
    {
        if (segment.PackLength == 0)
        {
            output.Write(segment.Literal.Span);
            return;
        }

        // Straight into the output's own buffer.
        var buffer = output.GetMemory(segment.PackLength)[..segment.PackLength];
        await chunks.ReadAsync(segment.Pack, segment.Offset, buffer, cancellation).ConfigureAwait(false);
        output.Advance(segment.PackLength);
    }
}
