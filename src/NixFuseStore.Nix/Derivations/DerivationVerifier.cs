namespace NixFuseStore.Nix.Derivations;

/// <summary>What Nix makes sure of when a .drv becomes valid, so that who finds a path by its deriver may rely on it.</summary>
public static class DerivationVerifier
{
    /// <summary>Compares the outputs of a derivation, and the variables that name them, with those that follow from the rest of it.</summary>
    /// <param name="derivation">The derivation.</param>
    /// <param name="name">Its name, without <c>.drv</c>.</param>
    /// <param name="directory">The store directory.</param>
    /// <param name="inputHash"><see cref="DerivationHash.OfInput"/> of each input derivation, by its full path.</param>
    /// <returns>The paths of the outputs that have one, by name.</returns>
    /// <exception cref="FormatException">An output is wrong; the message, one line, says which and what it should be.</exception>
    public static IReadOnlyDictionary<string, StorePath> Verify(
        Derivation derivation, string name, StoreDirectory directory, Func<string, NixHash> inputHash)
    {
        var outputs = DerivationHash.OutputPaths(derivation, name, directory, inputHash);
        RequireOutputs(derivation, directory, outputs);
        return outputs;
    }

    /// <summary>The same, where the outputs' paths are known: <see cref="DerivationHash.OutputPaths"/>.</summary>
    /// <exception cref="FormatException">An output is wrong; the message, one line, says which and what it should be.</exception>
    public static void RequireOutputs(Derivation derivation, StoreDirectory directory, IReadOnlyDictionary<string, StorePath> outputs)
    {
        ArgumentNullException.ThrowIfNull(derivation);
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(outputs);
        foreach (var output in derivation.Outputs)
        {
            var right = outputs.TryGetValue(output.Name, out var path) ? directory.Print(path) : "";
            if (output.Path != right)
            {
                throw new FormatException($"the derivation has incorrect output '{output.Path}' as {output.Name}, should be '{right}'");
            }

            foreach (var (key, value) in derivation.Environment)
            {
                if (right.Length > 0 && key == output.Name && value != right)
                {
                    throw new FormatException($"the derivation has incorrect environment variable {key}='{value}', should be '{right}'");
                }
            }
        }
    }
}
