using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>What became of signatures.</summary>
/// <param name="NotValid">The named paths that are not valid.</param>
/// <param name="Full">Paths that had no room for all of theirs.</param>
public sealed record SignaturesResult(IReadOnlyCollection<StorePath> NotValid, IReadOnlyCollection<StorePath> Full);
