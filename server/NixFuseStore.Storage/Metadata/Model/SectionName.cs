using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata;

/// <summary>A section named together with a manifest that holds it, which keeps the access check to one path.</summary>
/// <param name="Manifest">Of a path that is valid in the store.</param>
/// <param name="Section">One of the three that its header names.</param>
public readonly record struct SectionName(ManifestDigest Manifest, SectionDigest Section);
