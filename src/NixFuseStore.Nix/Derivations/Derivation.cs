using System.Text;

namespace NixFuseStore.Nix.Derivations;

/// <summary>
/// A derivation as a .drv file holds it. Texts are bytes in Nix and need not be UTF-8; here each character is one byte (Latin-1),
/// so that nothing is lost: <see cref="Text"/> converts. All lists ascend bytewise by name or path, but the arguments.
/// </summary>
public sealed class Derivation
{
    /// <summary>Between bytes and the texts of this type.</summary>
    public static Encoding Text => Encoding.Latin1;

    /// <summary>The outputs.</summary>
    public required IReadOnlyList<DerivationOutput> Outputs { get; init; }

    /// <summary>Derivations whose outputs are needed.</summary>
    public required IReadOnlyList<DerivationInput> InputDerivations { get; init; }

    /// <summary>Full paths of other store objects that are needed.</summary>
    public required IReadOnlyList<string> InputSources { get; init; }

    /// <summary>The platform, such as <c>x86_64-linux</c>.</summary>
    public required string Platform { get; init; }

    /// <summary>The program that builds.</summary>
    public required string Builder { get; init; }

    /// <summary>The program's arguments.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The program's environment.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; }

    /// <summary>Whether its outputs may be fetched instead of being built, by its attribute <c>allowSubstitutes</c>.</summary>
    public bool AllowsSubstitutes => DerivationAttributes.Flag(this, "allowSubstitutes", otherwise: true);

    /// <summary>Whether it is quicker to build it than to ask another host to, by its attribute <c>preferLocalBuild</c>.</summary>
    public bool PrefersLocalBuild => DerivationAttributes.Flag(this, "preferLocalBuild", otherwise: false);

    /// <summary>System features that a host must have to build it, by its attribute <c>requiredSystemFeatures</c>.</summary>
    public IReadOnlyList<string> RequiredSystemFeatures => DerivationAttributes.Words(this, "requiredSystemFeatures");

    /// <summary>Reads the contents of a .drv file. Only what <see cref="ToBytes"/> writes is taken.</summary>
    /// <exception cref="FormatException">The bytes are no such derivation.</exception>
    public static Derivation Parse(ReadOnlySpan<byte> contents) => new DerivationReader(contents).Read();

    /// <summary>The contents of the .drv file.</summary>
    public byte[] ToBytes() => Text.GetBytes(DerivationWriter.Write(this, maskOutputs: false, inputs: null));

    /// <summary>What the .drv file refers to: its sources and its input derivations.</summary>
    /// <exception cref="FormatException">One of them is no path of this store directory.</exception>
    public IReadOnlyList<StorePath> References(StoreDirectory directory) =>
        [.. InputSources.Concat(InputDerivations.Select(input => input.Path)).Select(directory.Parse).Distinct().Order()];

    /// <summary>The path of the .drv file itself.</summary>
    /// <param name="directory">The store directory.</param>
    /// <param name="name">The derivation's name, without <c>.drv</c>.</param>
    public StorePath ComputePath(StoreDirectory directory, string name) =>
        StorePathComputation.MakeText(directory, $"{name}.drv", NixHash.Sha256(ToBytes()), References(directory));
}
