namespace NixFuseStore.Nix.Derivations;

/// <summary>What Nix makes sure of when a .drv becomes valid, so that who finds a path by its deriver may rely on it.</summary>
public static class DerivationCheck
{
    /// <summary>Compares the outputs of a derivation, and the variables that name them, with those that follow from the rest of it.</summary>
    /// <param name="derivation">The derivation.</param>
    /// <param name="name">Its name, without <c>.drv</c>.</param>
    /// <param name="directory">The store directory.</param>
    /// <param name="inputHash"><see cref="DerivationHash.OfInput"/> of each input derivation, by its full path.</param>
    /// <returns>The paths of the outputs that have one, by name.</returns>
    /// <exception cref="FormatException">An output is wrong; the message, one line, says which and what it should be.</exception>
    public static IReadOnlyDictionary<string, StorePath> CheckOutputs(
        Derivation derivation, string name, StoreDirectory directory, Func<string, NixHash> inputHash)
    {
        ArgumentNullException.ThrowIfNull(derivation);
        ArgumentNullException.ThrowIfNull(directory);
        var outputs = DerivationHash.OutputPaths(derivation, name, directory, inputHash);
        var environment = derivation.Environment.ToDictionary(variable => variable.Key, variable => variable.Value, StringComparer.Ordinal);
        foreach (var output in derivation.Outputs)
        {
            var right = outputs.TryGetValue(output.Name, out var path) ? directory.Print(path) : "";
            if (output.Path != right)
            {
                throw new FormatException($"the derivation has the wrong output '{output.Path}' as {output.Name}, it should be '{right}'");
            }

            if (right.Length > 0 && environment.TryGetValue(output.Name, out var value) && value != right)
            {
                throw new FormatException($"the derivation has the wrong variable {output.Name}='{value}', it should be '{right}'");
            }
        }

        return outputs;
    }
}
