namespace NixFuseStore.Storage.Metadata;

/// <summary>The closure of some paths.</summary>
/// <param name="Paths">The asked-for paths first, then the rest nearest first.</param>
/// <param name="NotValid">Asked-for hash parts that no valid path has.</param>
/// <param name="Truncated">Whether the bound cut it.</param>
public sealed record PathClosure(IReadOnlyList<StoredPath> Paths, IReadOnlyList<string> NotValid, bool Truncated);
