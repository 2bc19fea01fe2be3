using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Nix.Tests.Derivations;

/// <summary>Attributes that say how a derivation is built, as variables and as structured attributes.</summary>
public sealed class DerivationAttributesTests
{
    [Fact]
    public void WithoutThem_AsNixDecides()
    {
        var plain = Derivation();
        Assert.True(plain.AllowsSubstitutes);
        Assert.False(plain.PrefersLocalBuild);
        Assert.Empty(plain.RequiredSystemFeatures);
    }

    [Fact]
    public void Variables()
    {
        var derivation = Derivation(("allowSubstitutes", ""), ("preferLocalBuild", "1"), ("requiredSystemFeatures", "kvm  big-parallel"));
        Assert.False(derivation.AllowsSubstitutes);
        Assert.True(derivation.PrefersLocalBuild);
        Assert.Equal(["kvm", "big-parallel"], derivation.RequiredSystemFeatures);
        Assert.False(Derivation(("preferLocalBuild", "0")).PrefersLocalBuild);
    }

    [Fact]
    public void StructuredAttributes_AreTheOnlyOnesThen()
    {
        var derivation = Derivation(
            ("__json", """{"allowSubstitutes":false,"preferLocalBuild":true,"requiredSystemFeatures":["kvm","x"]}"""), ("requiredSystemFeatures", "other"));
        Assert.False(derivation.AllowsSubstitutes);
        Assert.True(derivation.PrefersLocalBuild);
        Assert.Equal(["kvm", "x"], derivation.RequiredSystemFeatures);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[1]")]
    [InlineData("""{"allowSubstitutes":"","requiredSystemFeatures":"kvm"}""")]
    public void StructuredAttributes_OfAnotherKind_CountAsAbsent(string json)
    {
        var derivation = Derivation(("__json", json), ("allowSubstitutes", "0"));
        Assert.True(derivation.AllowsSubstitutes);
        Assert.Empty(derivation.RequiredSystemFeatures);
    }

    private static Derivation Derivation(params (string Name, string Value)[] environment) => new()
    {
        Outputs = [],
        InputDerivations = [],
        InputSources = [],
        Platform = "x86_64-linux",
        Builder = "/bin/sh",
        Arguments = [],
        Environment = [.. environment.Select(static variable => KeyValuePair.Create(variable.Name, variable.Value))],
    };
}
