using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A path to be made valid, verified by the caller: the metadata store believes what stands here.</summary>
public sealed record PathRegistration
{
    /// <summary>The base name.</summary>
    public required StorePath Path { get; init; }

    /// <summary>SHA-256 of the NAR, 32 bytes.</summary>
    public required byte[] NarHash { get; init; }

    /// <summary>Bytes of the NAR.</summary>
    public required ulong NarSize { get; init; }

    /// <summary>In any order; may include the path itself.</summary>
    public required IReadOnlyList<StorePath> References { get; init; }

    /// <summary>The derivation that built it, where that is known.</summary>
    public StorePath? Deriver { get; init; }

    /// <summary>Nix's text form, or null.</summary>
    public string? ContentAddress { get; init; }

    /// <summary>Whether it was built by the host that pushes it.</summary>
    public bool Ultimate { get; init; }

    /// <summary>Nix signatures over the fingerprint, <c>name:base64</c>.</summary>
    public IReadOnlyList<string> Signatures { get; init; } = [];

    /// <summary>The store's own signatures over the path statement, <c>name:base64</c>.</summary>
    public IReadOnlyList<string> StoreSignatures { get; init; } = [];

    /// <summary>The manifest's header; it names the sections.</summary>
    public required ManifestHeader Manifest { get; init; }

    /// <summary>The sections that the header names and that are not empty, zstd, in any order.</summary>
    public required IReadOnlyList<StoredSection> Sections { get; init; }

    /// <summary>The ids of the chunks in stream order, as the chunks section lists them (with repetitions).</summary>
    public required IReadOnlyList<ChunkId> ChunkIds { get; init; }

    /// <summary>
    /// Not to be registered if the path was removed behind this event: it was acknowledged then, and the removal came later. Null to
    /// register it whatever happened.
    /// </summary>
    public ulong? UnlessRemovedAfter { get; init; }

    /// <summary>The outputs of a derivation by name, as far as their paths follow from it; none for other paths.</summary>
    public IReadOnlyDictionary<string, StorePath> DerivationOutputs { get; init; } = new Dictionary<string, StorePath>();
}
