using System.Text;
using System.Text.Json.Nodes;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Testing.Vectors;

namespace NixFuseStore.Nix.Tests.Vectors;

/// <summary>Nix's derivations, read and written byte for byte.</summary>
[Trait(NixVectors.TraitName, NixVectors.Trait)]
public class DerivationVectorTests
{
    /// <summary>
    /// What is refused here: a format that came with dynamic derivations, what is no derivation, one without outputs, and two whose hash parts
    /// were all made the same, so that they are out of order.
    /// </summary>
    private static readonly string[] NotRead =
    [
        "derivation/dyn-dep-derivation", "derivation/bad-version", "derivation/bad-old-version-dyn-deps", "derivation/bad-ca-fixed-path", "derivation/simple-derivation",
        "derivation/firefox", "derivation/hello",
    ];

    // Some are links into another folder of Nix's sources, and hold its name.
    public static TheoryData<string> Files =>
    [
        .. NixVectors.Names("derivation", ".drv").Except(NotRead)
            .Where(static name => !name.EndsWith("-modulo", StringComparison.Ordinal) && !NixVectors.Read(name + ".drv").AsSpan().StartsWith("../"u8)),
    ];

    public static TheoryData<string> Modulo => [.. NixVectors.Names("derivation/hash-modulo", "-modulo.drv")];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void File_IsReadAndWritten_ByteForByte(string name)
    {
        var bytes = NixVectors.Read(name + ".drv");
        Assert.Equal(Encoding.Latin1.GetString(bytes), Encoding.Latin1.GetString(Derivation.Parse(bytes).ToBytes()));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Files))]
    public void File_SaysWhatItsJsonSays(string name)
    {
        if (!NixVectors.Names("derivation", ".json").Contains(name))
        {
            return;
        }

        var derivation = Derivation.Parse(NixVectors.Read(name + ".drv"));
        var json = JsonNode.Parse(NixVectors.Read(name + ".json"))!;
        Assert.Equal((string)json["builder"]!, derivation.Builder);
        Assert.Equal((string)json["system"]!, derivation.Platform);
        Assert.Equal(json["args"]!.AsArray().Select(static argument => Latin(argument!)), derivation.Arguments);
        var environment = json["env"]!.AsObject().Select(static variable => KeyValuePair.Create(variable.Key, Latin(variable.Value!)));
        if (json["structuredAttrs"] is null)
        {
            Assert.Equal(environment, derivation.Environment);
        }

        Assert.Equal(json["outputs"]!.AsObject().Select(static output => output.Key), derivation.Outputs.Select(static output => output.Name));
        Assert.Equal(
            json["inputs"]!["drvs"]!.AsObject().Select(static input => ("/nix/store/" + input.Key, string.Join(",", input.Value!["outputs"]!.AsArray().Select(static output => (string)output!)))),
            derivation.InputDerivations.Select(static input => (input.Path, string.Join(",", input.Outputs))));
        Assert.Equal(json["inputs"]!["srcs"]!.AsArray().Select(static source => "/nix/store/" + (string)source!), derivation.InputSources);
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Modulo))]
    public void TextBehindTheHash_IsNixs(string name)
    {
        var derivation = Derivation.Parse(NixVectors.Read(name + ".drv"));
        var expected = Encoding.Latin1.GetString(NixVectors.Read(name + "-modulo.drv"));
        var hashes = NixVectors.Names("derivation/hash-modulo", ".drv").Where(static other => !other.EndsWith("-modulo", StringComparison.Ordinal))
            .Select(static other => (Name: (string)JsonNode.Parse(NixVectors.Read(other + ".json"))!["name"]!, Derivation: Derivation.Parse(NixVectors.Read(other + ".drv"))))
            .ToDictionary(static other => StoreDirectory.Default.Print(other.Derivation.ComputePath(StoreDirectory.Default, other.Name)), static other => other.Derivation);
        Assert.Equal(NixHash.Sha256(Encoding.Latin1.GetBytes(expected)), DerivationHash.OfOutputs(derivation, Hash));

        NixHash Hash(string path) => DerivationHash.OfInput(hashes[path], Hash);
    }

    [Fact]
    public void WhatIsNoDerivation_IsRefused()
    {
        foreach (var name in NotRead.Except(["derivation/bad-ca-fixed-path"]))
        {
            Assert.Throws<FormatException>(() => Derivation.Parse(NixVectors.Read(name + ".drv")));
        }
    }

    private static string Latin(JsonNode text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes((string)text!));
}
