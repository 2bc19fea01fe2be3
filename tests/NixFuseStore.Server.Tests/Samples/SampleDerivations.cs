using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Nix.Tests.Derivations;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.Server.Tests.Samples;

/// <summary>Derivations as paths to be registered.</summary>
internal static class SampleDerivations
{
    /// <summary>One of <see cref="DerivationVectors"/>, changed or not.</summary>
    public static SamplePath OfText(string path, string text)
    {
        var references = DerivationVectors.Parse(text).References(StoreDirectory.Default);
        return SamplePath.Create(StoreDirectory.Default.Parse(path), FakeTree.File(Derivation.Text.GetBytes(text)), [.. references]);
    }

    /// <summary>A text at the path that it makes.</summary>
    public static SamplePath OfText(string text) =>
        OfText(StoreDirectory.Default.Print(DerivationVectors.Parse(text).ComputePath(StoreDirectory.Default, "changed")), text);

    /// <summary>Each needs the one before.</summary>
    public static IEnumerable<SamplePath> Chain(int count)
    {
        var hashes = new Dictionary<string, NixHash>();
        string? last = null;
        for (var i = 0; i < count; i++)
        {
            var derivation = Create($"chain-{i}", last, path => hashes[path]);
            last = StoreDirectory.Default.Print(derivation.ComputePath(StoreDirectory.Default, $"chain-{i}"));
            hashes[last] = DerivationHash.OfInput(derivation, path => hashes[path]);
            yield return OfText(last, Derivation.Text.GetString(derivation.ToBytes()));
        }
    }

    private static Derivation Create(string name, string? input, Func<string, NixHash> inputHash)
    {
        // The paths of outputs are left out while they are hashed, so any will do at first.
        var draft = With(StoreDirectory.Default.Print(StorePath.ParseBaseName($"{new string('0', 32)}-{name}")));
        return With(StoreDirectory.Default.Print(DerivationHash.OutputPaths(draft, name, StoreDirectory.Default, inputHash)["out"]));

        Derivation With(string output) => new()
        {
            Outputs = [new DerivationOutput("out", output, "", "")],
            InputDerivations = input is null ? [] : [new DerivationInput(input, ["out"])],
            InputSources = [],
            Platform = "x86_64-linux",
            Builder = "/bin/sh",
            Arguments = [],
            Environment = [new("name", name), new("out", output)],
        };
    }
}
