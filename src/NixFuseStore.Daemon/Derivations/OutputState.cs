using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Derivations;

/// <summary>An output of a derivation, as far as it is known.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Path">Its path; null where that depends on what is built, and what came out is not known.</param>
/// <param name="Id">The id under which realisations are kept; null where the path follows from the derivation and none was needed.</param>
internal sealed record OutputState(string Name, StorePath? Path, string? Id);
