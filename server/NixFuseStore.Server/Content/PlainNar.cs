using System.Runtime.CompilerServices;
using NixFuseStore.Content;

namespace NixFuseStore.Server.Content;

/// <summary>The plain bytes of a NAR, or of a range of it.</summary>
internal static class PlainNar
{
    /// <summary>The bytes from <paramref name="start"/> to before <paramref name="end"/>, in pieces that are valid until the next one.</summary>
    public static async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        StoredNar nar, StoredContent content, long start, long end, [EnumeratorCancellation] CancellationToken cancellation)
    {
        // Content before the range is not even read; the framing before it costs next to nothing.
        foreach (var piece in NarPieces.Enumerate(nar.Header, nar.Tree))
        {
            if (piece.NarOffset >= end)
            {
                yield break;
            }

            var from = Math.Max(start - piece.NarOffset, 0);
            var to = Math.Min(end - piece.NarOffset, piece.Length);
            if (from >= to)
            {
                continue;
            }

            if (piece.Entry < 0)
            {
                yield return piece.Framing[(int)from..(int)to];
                continue;
            }

            var position = piece.StreamStart + from;
            for (var ordinal = nar.Chunks.Find(position); position < piece.StreamStart + to; ordinal++)
            {
                var plain = await content.ReadAsync(ordinal, cancellation).ConfigureAwait(false);
                var offset = nar.Chunks.Offset(ordinal);
                var rest = plain[(int)(position - offset)..(int)Math.Min(plain.Length, piece.StreamStart + to - offset)];
                yield return rest;
                position += rest.Length;
            }
        }
    }
}
