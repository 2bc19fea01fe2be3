using System.Globalization;

namespace NixFuseStore.MountBenchmarks.Closures;

/// <summary>
/// A graph made for the purpose, deep and wide: 50 layers of 40 nodes, each of which refers to four of the layer below; every
/// node is reached from those of the last layer.
/// </summary>
internal static class LayeredGraph
{
    private const int Width = 40;
    private const int Depth = 50;

    public const int Nodes = Width * Depth;

    private static readonly string Layers = string.Create(CultureInfo.InvariantCulture, $$"""
        { salt, node }:
        let
          modulo = n: n - {{Width}} * (n / {{Width}});
          layers = builtins.genList (depth: builtins.genList (place:
            node "${salt}-${toString depth}-${toString place}" (if depth == 0 then [ ] else
              map (step: builtins.elemAt (builtins.elemAt layers (depth - 1)) (modulo (place + step))) [ 0 1 7 13 ])) {{Width}}) {{Depth}};
        in builtins.elemAt layers {{Depth - 1}}
        """);

    /// <summary>Adds the nodes as texts, and one more that refers to the last layer, to a store; returns its path.</summary>
    public static string AddTexts(string store, string salt)
    {
        var expression = $$"""
            let last = ({{Layers}}) { salt = "{{salt}}"; node = name: references: builtins.toFile name (builtins.concatStringsSep "\n" references); };
            in builtins.toFile "{{salt}}" (builtins.concatStringsSep "\n" last)
            """;
        return Shell.Run("nix-instantiate", ["--eval", "--read-write-mode", "--store", store, "--expr", expression], NixSettings.Environment).Trim().Trim('"');
    }

    /// <summary>Seconds that `nix-instantiate` needs to add the nodes as derivations to a store.</summary>
    public static double TimeInstantiation(string store, string salt)
    {
        var expression = $$"""
            ({{Layers}}) {
              salt = "{{salt}}";
              node = name: inputs: derivation { inherit name inputs; system = "x86_64-linux"; builder = "/bin/sh"; };
            }
            """;
        return Shell.Time("nix-instantiate", ["--store", store, "--expr", expression], NixSettings.Environment);
    }
}
