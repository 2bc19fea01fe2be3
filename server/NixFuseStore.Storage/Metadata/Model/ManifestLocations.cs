using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Where the chunks of a manifest lie, by ordinal: all that a read of chunk ranges needs.</summary>
/// <param name="Manifest">The manifest.</param>
/// <param name="Chunks">One location an ordinal, in stream order. Shared by manifests whose chunks are the same; never changed.</param>
/// <param name="HashPart">The hash part of a valid path of the store that has the manifest.</param>
public sealed record ManifestLocations(ManifestDigest Manifest, IReadOnlyList<ChunkLocation> Chunks, string HashPart);
