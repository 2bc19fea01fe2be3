using NixFuseStore.Content;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>What a slot stands for: in one store, one path with one content.</summary>
internal readonly record struct SlotKey(Guid Store, string BaseName, ManifestDigest Digest);
