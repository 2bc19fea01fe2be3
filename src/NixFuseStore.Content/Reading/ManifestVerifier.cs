using System.Diagnostics.CodeAnalysis;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content;

/// <summary>
/// Proves that a manifest and its chunks are the one valid form of a NAR with a known hash, before a server registers it.
/// </summary>
public static class ManifestVerifier
{
    /// <summary>
    /// Writes out the NAR from manifest and chunks, hashes it, cuts and blanks it again, and compares. Streams: holds a few chunks.
    /// </summary>
    /// <param name="manifest">What is claimed.</param>
    /// <param name="source">Gives the chunks in stream order; need not check them.</param>
    /// <param name="directory">The directory of the store that the path belongs to.</param>
    /// <param name="narHash">The NAR's SHA-256.</param>
    /// <param name="narSize">Bytes of the NAR.</param>
    /// <param name="fault">Null, or one line that says what does not hold.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    /// <returns>Whether everything holds.</returns>
    /// <exception cref="IOException">From the source: a chunk is missing, which says nothing about the manifest.</exception>
    public static bool TryVerify(
        Manifest manifest,
        IChunkSource source,
        StoreDirectory directory,
        NixHash narHash,
        ulong narSize,
        [NotNullWhen(false)] out string? fault,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(narHash);
        fault = FindFault(manifest, source, directory, narHash, narSize, cancellationToken);
        return fault is null;
    }

    private static string? FindFault(
        Manifest manifest, IChunkSource source, StoreDirectory directory, NixHash narHash, ulong narSize, CancellationToken cancellationToken)
    {
        if (!ChunkingParameters.TryGet(manifest.Header.ParameterId, out var parameters))
        {
            return $"the manifest names chunking parameters {manifest.Header.ParameterId}, which this program does not know";
        }

        using var hasher = new NarHasher();
        Manifest again;
        try
        {
            // Refuse what is malformed before anything is read, and a wrong chunk as soon as it shows.
            _ = Manifest.Create(manifest.Header, manifest.Tree, manifest.Chunks, manifest.Blanks);
            var comparer = new ChunkComparer(manifest.Header.OpenChunks(manifest.Chunks));
            var builder = new ContentBuilder(directory, comparer, parameters);
            ContentAssembler.Write(manifest, source, new TeeNarVisitor(hasher, builder), cancellationToken);
            again = builder.Finish();
        }
        catch (ManifestFormatException exception)
        {
            return exception.Message.TrimEnd('.');
        }

        var hash = hasher.Finish();
        if (hasher.Size != narSize || !hash.Equals(narHash))
        {
            return $"the content is a NAR of {hasher.Size} bytes with hash {hash}, not one of {narSize} bytes with hash {narHash}";
        }

        return again.Digest == manifest.Digest ? null : "the manifest blanks or arranges the content in another way than it must";
    }

    /// <summary>Compares chunks as they are cut again with those of the manifest.</summary>
    private sealed class ChunkComparer(ChunkList chunks) : IChunkSink
    {
        private int _ordinal;

        public void OnChunk(in ChunkId id, ReadOnlySpan<byte> plain)
        {
            if (_ordinal == chunks.Count || chunks.Length(_ordinal) != plain.Length || chunks.Id(_ordinal) != id)
            {
                throw new ManifestFormatException($"Chunk {_ordinal} holds other bytes than its name says, or the content is cut in another way than it must.");
            }

            _ordinal++;
        }
    }
}
