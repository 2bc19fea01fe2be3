using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>The answer to a revocation, which removes all of the paths or none.</summary>
/// <param name="Revoked">The paths that were valid and are no longer.</param>
/// <param name="Referrers">Valid paths that refer to asked-for ones and were not named; if there are any, nothing was removed.</param>
public sealed record RevocationResult(IReadOnlyList<StorePath> Revoked, IReadOnlyList<StorePath> Referrers);
