using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A manifest section as it is stored: once, however many manifests share it.</summary>
/// <param name="Digest">SHA-256 of the plain canonical bytes.</param>
/// <param name="PlainLength">Plain bytes.</param>
/// <param name="Zstd">One zstd frame; empty where <paramref name="PlainLength"/> is 0.</param>
public sealed record StoredSection(SectionDigest Digest, int PlainLength, ReadOnlyMemory<byte> Zstd);
