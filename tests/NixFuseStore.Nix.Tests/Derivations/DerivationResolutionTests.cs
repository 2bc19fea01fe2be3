using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Nix.Tests.Derivations;

/// <summary>Derivations whose inputs are known only once they are built.</summary>
public sealed class DerivationResolutionTests
{
    private static readonly StoreDirectory s_directory = StoreDirectory.Default;
    private static readonly StorePath s_input = StorePath.ParseBaseName("g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo.drv");
    private static readonly StorePath s_out = StorePath.ParseBaseName("00000000000000000000000000000001-foo");
    private static readonly StorePath s_dev = StorePath.ParseBaseName("00000000000000000000000000000002-foo-dev");

    [Fact]
    public void Placeholder_IsNixs()
    {
        // From Nix's own tests (downstream-placeholder.cc).
        Assert.Equal("/0c6rn30q4frawknapgwq386zq358m8r6msvywcvc89n6m5p2dgbz", DerivationResolution.Placeholder(s_input, "out"));
        Assert.NotEqual(DerivationResolution.Placeholder(s_input, "out"), DerivationResolution.Placeholder(s_input, "dev"));
    }

    [Fact]
    public void Resolve_PutsPathsInThePlaceOfInputs()
    {
        var resolved = Resolve(Using(new DerivationOutput("out", "", "r:sha256", "")));
        Assert.Empty(resolved.InputDerivations);
        Assert.Equal([Print(s_out), Print(s_dev), "/nix/store/00000000000000000000000000000009-source"], resolved.InputSources);
        Assert.Equal($"{Print(s_out)}/bin/sh", resolved.Builder);
        Assert.Equal(["-c", $"cat {Print(s_dev)} {Print(s_out)}"], resolved.Arguments);
        Assert.Equal($"{Print(s_dev)}:{Print(s_dev)}", Variable(resolved, "PATH"));
        Assert.Equal(new DerivationOutput("out", "", "r:sha256", ""), resolved.Outputs.Single());
    }

    [Fact]
    public void Resolve_OutputThatWaitedForItsInputs_HasThePathOfTheSameDerivationWrittenWithThem()
    {
        var resolved = Resolve(Using(new DerivationOutput("out", "", "", "")));
        string path = resolved.Outputs.Single().Path;
        Assert.EndsWith("-user", path, StringComparison.Ordinal);
        Assert.Equal(path, Variable(resolved, "out"));
        DerivationVerifier.Verify(resolved, "user", s_directory, static _ => throw new InvalidOperationException());
    }

    private static Derivation Resolve(Derivation derivation) => DerivationResolution.Resolve(
        derivation, "user", s_directory, (input, output) => input == Print(s_input) ? (output == "out" ? s_out : s_dev) : throw new InvalidOperationException(input));

    private static Derivation Using(DerivationOutput output) => new()
    {
        Outputs = [output],
        InputDerivations = [new DerivationInput(Print(s_input), ["dev", "out"])],
        InputSources = ["/nix/store/00000000000000000000000000000009-source"],
        Platform = "x86_64-linux",
        Builder = $"{DerivationResolution.Placeholder(s_input, "out")}/bin/sh",
        Arguments = ["-c", $"cat {DerivationResolution.Placeholder(s_input, "dev")} {DerivationResolution.Placeholder(s_input, "out")}"],
        Environment =
        [
            new("PATH", $"{DerivationResolution.Placeholder(s_input, "dev")}:{DerivationResolution.Placeholder(s_input, "dev")}"),
            new("name", "user"),
            new("out", ""),
        ],
    };

    private static string Print(StorePath path) => s_directory.Print(path);

    private static string Variable(Derivation derivation, string name) => derivation.Environment.Single(variable => variable.Key == name).Value;
}
