namespace NixFuseStore.Nix.Derivations;

/// <summary>Another derivation whose outputs a derivation needs.</summary>
/// <param name="Path">Full path of the .drv file.</param>
/// <param name="Outputs">Names of the outputs, ascending.</param>
public sealed record DerivationInput(string Path, IReadOnlyList<string> Outputs);
