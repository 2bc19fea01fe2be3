using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Registration;

/// <summary>What a client says of a path, understood but not yet believed. Goes from one numbered step of <see cref="PathRegistrar"/> to the next.</summary>
internal sealed class SubmittedPath(int index, NewPath message, PathInfo info, ManifestHeader header)
{
    /// <summary>Place in the call.</summary>
    public int Index { get; } = index;

    public NewPath Message { get; } = message;

    public PathInfo Info { get; } = info;

    public ManifestHeader Header { get; } = header;

    /// <summary>The manifest with its sections, once they are decoded; dropped again once the content is verified.</summary>
    public Manifest? Manifest { get; set; }

    /// <summary>Whether the path is valid and something of it is damaged: then all of its content is read, whatever was proven before.</summary>
    public bool IsRepair { get; set; }

    /// <summary>The ids of the chunks in stream order.</summary>
    public IReadOnlyList<ChunkId> ChunkIds { get; set; } = [];

    /// <summary>The sections as they came.</summary>
    public IReadOnlyList<StoredSection> Sections { get; set; } = [];

    /// <summary>Chunks that came along, by id; the bytes belong to the message.</summary>
    public Dictionary<ChunkId, ReadOnlyMemory<byte>> InlineChunks { get; } = [];

    /// <summary>Where the other chunks lie, by id.</summary>
    public Dictionary<ChunkId, ChunkLocation> Locations { get; } = [];

    /// <summary>What the path holds where it is a derivation.</summary>
    public Derivation? Derivation { get; set; }

    /// <summary>The derivation's outputs, as far as their paths follow from it.</summary>
    public IReadOnlyDictionary<string, StorePath> DerivationOutputs { get; set; } = new Dictionary<string, StorePath>();
}

/// <summary>Paths of one caller.</summary>
/// <param name="Principal">Who submits them, and stands for them in the log.</param>
/// <param name="Paths">The paths.</param>
internal sealed record SubmittedBatch(Principal Principal, IReadOnlyList<NewPath> Paths);
