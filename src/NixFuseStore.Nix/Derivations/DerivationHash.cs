using System.Security.Cryptography;

namespace NixFuseStore.Nix.Derivations;

/// <summary>
/// Hashes of derivations "modulo" their inputs: input derivations count by what they build, not by how, so that a fixed output's
/// derivation may change without all others changing.
/// </summary>
public static class DerivationHash
{
    /// <summary>The hash by which a derivation counts as an input of others.</summary>
    /// <param name="derivation">The derivation.</param>
    /// <param name="inputHash">This hash of each input derivation, by its full path.</param>
    public static NixHash OfInput(Derivation derivation, Func<string, NixHash> inputHash)
    {
        ArgumentNullException.ThrowIfNull(derivation);
        return FixedOutput(derivation) is { } output
            ? Hash($"fixed:out:{output.HashAlgorithm}:{output.Hash}:{output.Path}")
            : Modulo(derivation, inputHash, maskOutputs: false);
    }

    /// <summary>The hash from which a derivation's own output paths are made, and which stands in the ids of its outputs.</summary>
    /// <param name="derivation">The derivation.</param>
    /// <param name="inputHash"><see cref="OfInput"/> of each input derivation, by its full path.</param>
    public static NixHash OfOutputs(Derivation derivation, Func<string, NixHash> inputHash)
    {
        ArgumentNullException.ThrowIfNull(derivation);
        return FixedOutput(derivation) is not null ? OfInput(derivation, inputHash) : Modulo(derivation, inputHash, maskOutputs: true);
    }

    /// <summary>
    /// The paths that the outputs must have, by name; an output whose path depends on what is built has none.
    /// </summary>
    /// <param name="derivation">The derivation.</param>
    /// <param name="name">Its name, without <c>.drv</c>.</param>
    /// <param name="directory">The store directory.</param>
    /// <param name="inputHash"><see cref="OfInput"/> of each input derivation, by its full path.</param>
    /// <exception cref="FormatException">A name or a fixed hash is none that Nix takes.</exception>
    public static IReadOnlyDictionary<string, StorePath> OutputPaths(
        Derivation derivation, string name, StoreDirectory directory, Func<string, NixHash> inputHash)
    {
        ArgumentNullException.ThrowIfNull(derivation);
        var paths = new Dictionary<string, StorePath>();
        NixHash? modulo = null;
        foreach (var output in derivation.Outputs)
        {
            if (output.IsFixed)
            {
                string pathName = StorePathComputation.OutputPathName(name, output.Name);
                paths.Add(output.Name, StorePathComputation.MakeFixed(directory, pathName, output.ToContentAddress()));
            }
            else if (output.IsInputAddressed)
            {
                modulo ??= OfOutputs(derivation, inputHash);
                paths.Add(output.Name, StorePathComputation.MakeOutput(directory, name, output.Name, modulo));
            }
        }

        return paths;
    }

    private static DerivationOutput? FixedOutput(Derivation derivation) =>
        derivation.Outputs is [{ Name: "out", IsFixed: true } output] ? output : null;

    private static NixHash Modulo(Derivation derivation, Func<string, NixHash> inputHash, bool maskOutputs)
    {
        // Inputs that build the same count once, with the outputs of all of them.
        var inputs = derivation.InputDerivations
            .GroupBy(input => inputHash(input.Path).ToHex(), input => input.Outputs)
            .Select(group => new DerivationInput(group.Key, [.. group.SelectMany(outputs => outputs).Distinct().Order(StringComparer.Ordinal)]))
            .OrderBy(input => input.Path, StringComparer.Ordinal);
        return Hash(DerivationWriter.Write(derivation, maskOutputs, inputs));
    }

    private static NixHash Hash(string text) =>
        new(NixHashAlgorithm.Sha256, SHA256.HashData(Derivation.Text.GetBytes(text)));
}
