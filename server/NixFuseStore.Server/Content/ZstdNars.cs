using System.Buffers;
using System.Security.Cryptography;
using System.Threading.RateLimiting;
using NixFuseStore.Content;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>
/// NARs as .zst files, sent or described. What had to be compressed for that is remembered, within a bound, so that the next time is mere
/// copying. Calls may overlap.
/// </summary>
internal sealed class ZstdNars(StoredNars nars, ChunkStore chunks, INarFileCatalog files, StoreEvents events, ServerLimits limits)
{
    /// <summary>About what a segment takes in memory besides its bytes.</summary>
    private const int SegmentBytes = 64;

    /// <summary>What a chunk's place takes; the list may be shared with the remembered places, and may not.</summary>
    private const int PlaceBytes = 32;

    /// <summary>Small segments gather until there is so much to be sent.</summary>
    private const int FlushBytes = 64 << 10;

    private readonly StoreCache<ManifestDigest, BuiltZstdNar> _built = new(events, limits.RememberedNarBytes, static nar => nar.Weight, holdsSignatures: false);

    /// <summary>Descriptions that are computed at the same time: each keeps a core busy.</summary>
    private readonly ConcurrencyLimiter _descriptions = Limiters.Waiting(limits.VerificationsMax);

    /// <summary>Hash and size of the file. Writing it once tells them, and the database remembers.</summary>
    /// <returns>Null where the path was removed meanwhile.</returns>
    public async Task<CompressedNar?> DescribeAsync(StoreRecord store, StoredPath path, CancellationToken cancellation)
    {
        if (await files.FindCompressedNarAsync(path.ManifestDigest, ZstdNar.Encoder, cancellation).ConfigureAwait(false) is { } known)
        {
            return known;
        }

        using var turn = await _descriptions.AcquireAsync(cancellationToken: cancellation).ConfigureAwait(false);
        var file = await HashAsync(store, path, cancellation).ConfigureAwait(false);
        if (file is null)
        {
            return null;
        }

        await files.AddCompressedNarAsync(path.ManifestDigest, ZstdNar.Encoder, file, cancellation).ConfigureAwait(false);
        return file;
    }

    /// <summary>Some chunk was not where it was remembered to be: so that the next attempt finds all of them, all are looked for.</summary>
    private async Task RefreshAsync(StoreRecord store, StoredPath path, CancellationToken cancellation)
    {
        await chunks.Verifier.CheckAsync(store.Id, path.ManifestDigest, cancellation).ConfigureAwait(false);
        nars.Forget(store, path);
    }

    private async Task<CompressedNar?> HashAsync(StoreRecord store, StoredPath path, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            try
            {
                var length = await WriteAsync(store, path, new HashingWriter(hash), _ => ValueTask.CompletedTask, cancellation).ConfigureAwait(false);
                return length is null ? null : new CompressedNar(hash.GetHashAndReset(), length.Value);
            }
            catch (ChunksMovedException) when (attempt == 1)
            {
                await RefreshAsync(store, path, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sends the file.</summary>
    /// <returns>False where the path was removed meanwhile.</returns>
    public async Task<bool> TrySendAsync(StoreRecord store, StoredPath path, HttpResponse response, CancellationToken cancellation)
    {
        var output = response.BodyWriter;
        var unflushed = 0;
        long? length;
        try
        {
            length = await WriteAsync(store, path, output, FlushAsync, cancellation, whole => response.ContentLength = whole).ConfigureAwait(false);
        }
        catch (ChunksMovedException) when (!response.HasStarted && output.UnflushedBytes == 0)
        {
            response.ContentLength = null;
            await RefreshAsync(store, path, cancellation).ConfigureAwait(false);
            length = await WriteAsync(store, path, output, FlushAsync, cancellation, whole => response.ContentLength = whole).ConfigureAwait(false);
        }

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
                await WriteAsync(store, path, segment, built.Places, output, cancellation).ConfigureAwait(false);
                await written(segment.Length).ConfigureAwait(false);
            }

            return built.Length;
        }

        if (await nars.OpenAsync(store, path, cancellation).ConfigureAwait(false) is not { } nar)
        {
            return null;
        }

        // 2. Anything else is written while it is built, and remembered unless it is too much.
        using var content = new StoredContent(store, nar, chunks, limits.ReadRunBytes);
        List<ZstdSegment>? segments = [];
        var (length, weight) = (0L, (long)nar.Places.Count * PlaceBytes);
        await foreach (var segment in ZstdNar.BuildAsync(nar, content, limits.ReadRunBytes, cancellation).ConfigureAwait(false))
        {
            await WriteAsync(store, path, segment, nar.Places, output, cancellation).ConfigureAwait(false);
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
            _built.Add(store, path.ManifestDigest, path.Path.HashPart, new BuiltZstdNar(segments, nar.Places, length, weight), moment);
        }

        return length;
    }

    /// <summary>Writes a segment, whose chunks are compared with their sums before anything of it can leave.</summary>
    /// <exception cref="ChunkDamagedException">One of them is damaged.</exception>
    /// <exception cref="ChunksMovedException">One of them lies elsewhere by now: the file has to be built anew.</exception>
    private async ValueTask WriteAsync(
        StoreRecord store,
        StoredPath path,
        ZstdSegment segment,
        IReadOnlyList<ChunkLocation> places,
        IBufferWriter<byte> output,
        CancellationToken cancellation)
    {
        if (segment.PackLength == 0)
        {
            output.Write(segment.Literal.Span);
            return;
        }

        // Straight into the output's own buffer.
        var buffer = output.GetMemory(segment.PackLength)[..segment.PackLength];
        var start = places[segment.First];
        var isRead = true;
        try
        {
            await chunks.ReadAsync(start.Pack, start.Offset, buffer, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is FileNotFoundException or EndOfStreamException)
        {
            isRead = false;
        }

        var position = 0;
        var (isDamaged, hasMoved) = (false, false);
        for (var ordinal = segment.First; ordinal < segment.First + segment.Count; ordinal++)
        {
            var place = places[ordinal];
            if (!isRead || !place.IsHeldBy(buffer.Span.Slice(position, place.StoredLength)))
            {
                // This notes it, or brings the remembered place into line, so that the next request fares better.
                var found = await chunks.Verifier.RecoverAsync(store.Id, path.ManifestDigest, ordinal, place, cancellation).ConfigureAwait(false);
                isDamaged |= found is null;
                hasMoved = true;
            }

            position += place.StoredLength;
        }

        if (hasMoved)
        {
            _built.Remove(store, path.ManifestDigest);
            nars.Forget(store, path);
            throw isDamaged ? new ChunkDamagedException($"a chunk of {path.Path} is damaged") : new ChunksMovedException();
        }

        output.Advance(segment.PackLength);
    }

    /// <summary>Chunks lie elsewhere than they were remembered to.</summary>
    private sealed class ChunksMovedException() : IOException("the chunks lie elsewhere by now; ask again");
}
