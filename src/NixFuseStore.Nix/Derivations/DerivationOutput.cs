namespace NixFuseStore.Nix.Derivations;

/// <summary>An output as a derivation names it. Which kind it is follows from what is empty.</summary>
/// <param name="Name">The output's name, <c>out</c> mostly.</param>
/// <param name="Path">Full path; empty where it is not known before the build.</param>
/// <param name="HashAlgorithm">Empty, or an algorithm such as <c>sha256</c>, with <c>r:</c> (of the NAR) or <c>text:</c> in front.</param>
/// <param name="Hash">Lowercase hex digits of a fixed output's hash; empty, or <c>impure</c>, otherwise.</param>
public sealed record DerivationOutput(string Name, string Path, string HashAlgorithm, string Hash)
{
    /// <summary>Whether the hash of the output is stated beforehand.</summary>
    public bool IsFixed => HashAlgorithm.Length > 0 && Hash.Length > 0 && !IsImpure;

    /// <summary>Whether the output's path follows from the derivation alone.</summary>
    public bool IsInputAddressed => HashAlgorithm.Length == 0 && Path.Length > 0;

    /// <summary>Whether the output's path follows from its inputs, which are not known before they are built.</summary>
    public bool IsDeferred => HashAlgorithm.Length == 0 && Path.Length == 0;

    /// <summary>Whether the output's path follows from its content ("floating").</summary>
    public bool IsFloating => HashAlgorithm.Length > 0 && Hash.Length == 0;

    /// <summary>Whether the output is another one at each build.</summary>
    public bool IsImpure => Hash == "impure";

    /// <summary>The content address of a fixed output.</summary>
    /// <exception cref="FormatException">It is none, or algorithm or digits are not Nix's.</exception>
    public ContentAddress ToContentAddress()
    {
        var (method, algorithm) = HashAlgorithm switch
        {
            ['r', ':', .. var rest] => (ContentAddressMethod.Nar, rest),
            ['t', 'e', 'x', 't', ':', .. var rest] => (ContentAddressMethod.Text, rest),
            ['g', 'i', 't', ':', .. var rest] => (ContentAddressMethod.Git, rest),
            _ => (ContentAddressMethod.Flat, HashAlgorithm),
        };
        return IsFixed && NixHash.TryParseAlgorithm(algorithm, out var known)
            ? new ContentAddress(method, NixHash.Parse(Hash, known))
            : throw new FormatException($"The output '{Name}' has no fixed hash that Nix knows ('{HashAlgorithm}').");
    }
}
