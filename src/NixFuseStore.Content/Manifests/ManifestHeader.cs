using System.Diagnostics.CodeAnalysis;

namespace NixFuseStore.Content;

/// <summary>
/// The small, canonical head of a manifest. It travels with every path record, so that the root's attributes and all store hashes
/// are verified without any section. FORMAT.md draws the bytes. Immutable.
/// </summary>
public sealed partial class ManifestHeader
{
    /// <summary>Distinct store hashes that one manifest blanks at most; later ones stay in the content as they are.</summary>
    public const int HashesMax = 16_384;

    /// <summary>Bytes of the longest header.</summary>
    public const int BytesMax = FixedBytes + (HashesMax * StoreHash.PackedBytes);

    internal const int FixedBytes = 152;

    /// <summary>Id of the chunking parameters, see <see cref="ChunkingParameters"/>.</summary>
    public uint ParameterId { get; private init; }

    /// <summary>What the store path itself is.</summary>
    public EntryKind RootKind { get; private init; }

    /// <summary>Whether the store path itself is an executable file.</summary>
    public bool RootIsExecutable { get; private init; }

    /// <summary>Bytes of the store path itself: of a file its content, of a symlink its target, of a directory 0.</summary>
    public ulong RootSize { get; private init; }

    /// <summary>Entries of the tree, the root included.</summary>
    public int EntryCount { get; private init; }

    /// <summary>Bytes of the content stream.</summary>
    public long StreamLength { get; private init; }

    /// <summary>Chunks of the content stream.</summary>
    public int ChunkCount { get; private init; }

    /// <summary>Distinct store hashes that were blanked.</summary>
    public int HashCount { get; private init; }

    /// <summary>SHA-256 of the header's bytes: the manifest's name.</summary>
    public ManifestDigest Digest { get; private init; }

    /// <summary>The header's canonical bytes; the memory belongs to the header.</summary>
    public ReadOnlyMemory<byte> Bytes { get; private init; }
}
