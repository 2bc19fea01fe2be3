using System.Security.Cryptography;
using System.Text;

namespace NixFuseStore.Nix.Derivations;

/// <summary>
/// Resolves derivations: in place of input derivations stand the paths that their outputs came to. What a path that depends on content will be is
/// not known when a derivation is written; a placeholder stands for it, which is replaced here.
/// </summary>
/// <remarks>Nix: <c>Derivation::tryResolve</c> and <c>DownstreamPlaceholder</c>.</remarks>
public static class DerivationResolution
{
    private const string Extension = ".drv";

    /// <summary>What stands for the path of an output that is not built yet in derivations that need it.</summary>
    /// <param name="derivation">The .drv whose output it is.</param>
    /// <param name="output">The output's name.</param>
    public static string Placeholder(StorePath derivation, string output)
    {
        string name = StorePathComputation.OutputPathName(derivation.Name[..^Extension.Length], output);
        return "/" + NixBase32.Encode(SHA256.HashData(Encoding.UTF8.GetBytes($"nix-upstream-output:{derivation.HashPart}:{name}")));
    }

    /// <summary>Resolves a derivation. Outputs whose paths wait for that alone get their paths.</summary>
    /// <param name="derivation">The derivation.</param>
    /// <param name="name">Its name, without <c>.drv</c>.</param>
    /// <param name="directory">The store directory.</param>
    /// <param name="inputPath">The path of an output, by its derivation's full path and its name.</param>
    /// <exception cref="FormatException">A name is none that Nix takes.</exception>
    public static Derivation Resolve(Derivation derivation, string name, StoreDirectory directory, Func<string, string, StorePath> inputPath)
    {
        ArgumentNullException.ThrowIfNull(derivation);
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(inputPath);

        // 1. Paths in the place of placeholders, and among the sources.
        var sources = new SortedSet<string>(derivation.InputSources, StringComparer.Ordinal);
        var paths = new List<(string Placeholder, string Path)>();
        foreach (var input in derivation.InputDerivations)
        {
            foreach (string output in input.Outputs)
            {
                string path = directory.Print(inputPath(input.Path, output));
                sources.Add(path);
                paths.Add((Placeholder(directory.Parse(input.Path), output), path));
            }
        }

        string Replace(string text) => paths.Aggregate(text, static (written, one) => written.Replace(one.Placeholder, one.Path, StringComparison.Ordinal));
        var resolved = new Derivation
        {
            Outputs = derivation.Outputs,
            InputDerivations = [],
            InputSources = [.. sources],
            Platform = derivation.Platform,
            Builder = Replace(derivation.Builder),
            Arguments = [.. derivation.Arguments.Select(Replace)],
            Environment = [.. derivation.Environment.Select(variable => KeyValuePair.Create(Replace(variable.Key), Replace(variable.Value)))],
        };

        // 2. The outputs whose paths follow from their inputs, as these are known now.
        return derivation.Outputs.Any(static output => output.IsDeferred) ? AddressByInputs(resolved, name, directory) : resolved;
    }

    private static Derivation AddressByInputs(Derivation derivation, string name, StoreDirectory directory)
    {
        var modulo = DerivationHash.OfOutputs(derivation, static input => throw new FormatException($"'{input}' is an input of a resolved derivation"));
        string PathOf(string output) => directory.Print(StorePathComputation.MakeOutput(directory, name, output, modulo));
        var deferred = derivation.Outputs.Where(static output => output.IsDeferred).Select(static output => output.Name).ToHashSet(StringComparer.Ordinal);
        return new Derivation
        {
            Outputs = [.. derivation.Outputs.Select(output => output.IsDeferred ? output with { Path = PathOf(output.Name) } : output)],
            InputDerivations = [],
            InputSources = derivation.InputSources,
            Platform = derivation.Platform,
            Builder = derivation.Builder,
            Arguments = derivation.Arguments,
            Environment = [.. derivation.Environment.Select(variable => deferred.Contains(variable.Key) ? KeyValuePair.Create(variable.Key, PathOf(variable.Key)) : variable)],
        };
    }
}
