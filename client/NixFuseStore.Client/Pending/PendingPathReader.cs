using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;
using NixFuseStore.Native.Compression;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Pending;

/// <summary>Opens a path that is about to be registered with all its content, so that it can be used before.</summary>
internal static class PendingPathReader
{
    /// <exception cref="ManifestFormatException">It does not hold together.</exception>
    /// <exception cref="StoreVerificationException">Its record is malformed.</exception>
    public static PendingPath Read(NewPath message)
    {
        if (!ManifestHeader.TryParse(message.Path.ManifestHeader.Span, out var header))
        {
            throw new ManifestFormatException("The manifest header cannot be read.");
        }

        var handle = new PathHandle(RecordVerifier.ReadInfo(message.Path), header) { ClosureAsked = true };
        var blanks = Plain(message, header, ManifestSection.Blanks);
        var chunkList = header.OpenChunks(Plain(message, header, ManifestSection.Chunks));
        handle.Tree = header.OpenTree(Plain(message, header, ManifestSection.Tree));
        handle.Content = new PathContent(handle, chunkList, blanks.Length > 0 ? header.OpenBlanks(blanks) : null);
        return new PendingPath(handle, Chunks(message), [.. message.Sections]);
    }

    private static Dictionary<ChunkId, ChunkBuffer> Chunks(NewPath message)
    {
        var chunks = new Dictionary<ChunkId, ChunkBuffer>(message.InlineChunks.Count);
        foreach (var plain in message.InlineChunks)
        {
            var buffer = ChunkBuffer.Allocate(plain.Length);
            plain.Span.CopyTo(buffer.Span);
            if (!chunks.TryAdd(ChunkId.Compute(plain.Span), buffer))
            {
                buffer.Release();
            }
        }

        return chunks;
    }

    private static byte[] Plain(NewPath message, ManifestHeader header, ManifestSection section)
    {
        var plain = new byte[header.GetLength(section)];
        var digest = header.GetDigest(section).ToArray();
        return plain.Length == 0
            || (message.Sections.FirstOrDefault(sent => sent.Digest.Span.SequenceEqual(digest)) is { } found
                && Zstd.TryDecompress(found.Zstd.Span, plain, out var written) && written == plain.Length)
            ? plain
            : throw new ManifestFormatException($"The {section} section is missing or damaged.");
    }
}
