using System.Buffers;
using System.Runtime.CompilerServices;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Content;

/// <summary>
/// A NAR as a row of zstd frames, which together are a .zst file. Chunks lie in packs as such frames, so those that stand in the NAR
/// unchanged are neither decompressed nor even read to make it. What is compressed anew: what frames the files, small files that share
/// a chunk, and chunks with a store hash in them.
/// </summary>
internal static class ZstdNar
{
    /// <summary>What is compressed anew goes into frames of so many plain bytes.</summary>
    private const int FrameBytes = 128 << 10;

    /// <summary>Shorter chunks are better off in a frame with what surrounds them.</summary>
    private const int ReusedBytesMin = 4 << 10;

    /// <summary>The fastest of zstd's ordinary levels: this is done while a client waits.</summary>
    private const int CompressionLevel = 1;

    /// <summary>What writes such files: another version of it may write other ones.</summary>
    public static string Encoder { get; } = $"1 {Zstd.Version} {CompressionLevel} {FrameBytes} {ReusedBytesMin}";

    /// <summary>The segments in order. None but those compressed anew cost anything.</summary>
    /// <param name="nar">The NAR.</param>
    /// <param name="content">Its chunks.</param>
    /// <param name="runBytes">Segments of a pack are not made longer than this, unless by a single chunk.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async IAsyncEnumerable<ZstdSegment> BuildAsync(
        StoredNar nar, StoredContent content, int runBytes, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var run = default(ZstdSegment);
        var pending = ArrayPool<byte>.Shared.Rent(FrameBytes);
        var used = 0;
        try
        {
            await foreach (var part in PartsAsync(nar, content, cancellation).ConfigureAwait(false))
            {
                // 1. A stored frame ends the fresh one, and joins the run of those before it.
                if (part.Reused is { } ordinal)
                {
                    var place = nar.Places[ordinal];
                    if (used > 0 || place.Encoding == ChunkEncoding.Plain || !Continues(nar, run, ordinal, runBytes))
                    {
                        if (run.Length > 0)
                        {
                            yield return run;
                        }

                        if (used > 0)
                        {
                            yield return Compress(pending, ref used);
                        }

                        if (place.Encoding == ChunkEncoding.Plain)
                        {
                            yield return ZstdSegment.Of(ZstdStoredFrame.CreateHeader(place.StoredLength));
                        }

                        run = new ZstdSegment(default, ordinal, 0, 0);
                    }

                    run = run with { Count = run.Count + 1, PackLength = run.PackLength + place.StoredLength };
                    continue;
                }

                // 2. Everything else gathers until it fills a frame.
                for (var plain = part.Plain; !plain.IsEmpty;)
                {
                    if (run.Length > 0)
                    {
                        yield return run;
                        run = default;
                    }

                    var length = Math.Min(plain.Length, FrameBytes - used);
                    plain.Span[..length].CopyTo(pending.AsSpan(used));
                    used += length;
                    plain = plain[length..];
                    if (used == FrameBytes)
                    {
                        yield return Compress(pending, ref used);
                    }
                }
            }

            if (run.Length > 0)
            {
                yield return run;
            }

            if (used > 0)
            {
                yield return Compress(pending, ref used);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(pending);
        }
    }

    /// <summary>The NAR in parts: chunks, by ordinal, whose frames can be used as they are, and plain bytes, which are valid until the next part.</summary>
    private static async IAsyncEnumerable<(int? Reused, ReadOnlyMemory<byte> Plain)> PartsAsync(
        StoredNar nar, StoredContent content, [EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var piece in NarPieces.Enumerate(nar.Header, nar.Tree))
        {
            if (piece.Entry < 0)
            {
                yield return (null, piece.Framing);
                continue;
            }

            var (position, end) = (piece.StreamStart, piece.StreamStart + piece.ContentLength);
            for (var ordinal = position < end ? nar.Chunks.Find(position) : 0; position < end; ordinal++)
            {
                var offset = nar.Chunks.Offset(ordinal);
                var length = nar.Chunks.Length(ordinal);
                if (position == offset && offset + length <= end && IsReusable(nar, ordinal, offset, length))
                {
                    yield return (ordinal, default);
                    position += length;
                    continue;
                }

                var plain = await content.ReadAsync(ordinal, cancellation).ConfigureAwait(false);
                var rest = plain[(int)(position - offset)..(int)Math.Min(length, end - offset)];
                yield return (null, rest);
                position += rest.Length;
            }
        }
    }

    private static bool IsReusable(StoredNar nar, int ordinal, long offset, int length) =>
        length >= ReusedBytesMin
        && !nar.Blanks.Overlaps(offset, length)
        && (nar.Places[ordinal].Encoding == ChunkEncoding.Zstd || length <= ZstdStoredFrame.ContentBytesMax);

    private static bool Continues(StoredNar nar, in ZstdSegment run, int ordinal, int runBytes)
    {
        if (run.Count == 0 || run.First + run.Count != ordinal)
        {
            return false;
        }

        var (start, place) = (nar.Places[run.First], nar.Places[ordinal]);
        return start.Pack == place.Pack && start.Offset + run.PackLength == place.Offset && run.PackLength + place.StoredLength <= runBytes;
    }

    private static ZstdSegment Compress(byte[] pending, ref int used)
    {
        var frame = Zstd.Compress(pending.AsSpan(0, used), CompressionLevel);
        used = 0;
        return ZstdSegment.Of(frame);
    }
}
