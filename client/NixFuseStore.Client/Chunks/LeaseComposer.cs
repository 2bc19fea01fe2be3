using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Chunks;

/// <summary>Puts chunks together to the bytes of a file, hashes put back where the stream has blanks.</summary>
internal static class LeaseComposer
{
    /// <summary>The bytes of a range all of whose chunks have come.</summary>
    /// <param name="content">The path.</param>
    /// <param name="range">The range.</param>
    /// <param name="wait">Holds the chunks from the range's first on.</param>
    public static ReadLease Compose(PathContent content, in ContentRange range, ChunkWait wait)
    {
        var lease = ReadLease.Rent();
        var position = range.StreamStart;
        foreach (var slice in range)
        {
            Append(lease, content, wait.Take(slice.Ordinal - range.FirstChunk), in slice, position);
            position += slice.Length;
        }

        return lease;
    }

    /// <summary>Appends a piece of a chunk; the caller's reference to the chunk passes to the lease. Most pieces hold no blank and are handed out as they lie.</summary>
    /// <param name="lease">Is appended to.</param>
    /// <param name="content">The path.</param>
    /// <param name="chunk">The chunk.</param>
    /// <param name="slice">Which part of it.</param>
    /// <param name="position">Where the part begins in the content stream.</param>
    public static void Append(ReadLease lease, PathContent content, ChunkBuffer chunk, in ChunkSlice slice, long position)
    {
        if (content.Blanks is { } blanks && blanks.Overlaps(position, slice.Length))
        {
            var copy = ChunkBuffer.Allocate(slice.Length);
            chunk.Span.Slice(slice.Offset, slice.Length).CopyTo(copy.Span);
            chunk.Release();
            blanks.Patch(position, copy.Span);
            lease.Append(copy, 0, slice.Length);
        }
        else
        {
            lease.Append(chunk, slice.Offset, slice.Length);
        }
    }
}
