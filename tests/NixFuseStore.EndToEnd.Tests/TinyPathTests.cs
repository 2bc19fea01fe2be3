using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Thousands of tiny paths are as good as one big one.</summary>
public sealed class TinyPathTests : EndToEndTest
{
    private const int Count = 2000;
    private const int PacksMax = 20;

    [Fact]
    public void ManyTinyPaths_ArePushedIntoFewPacks()
    {
        Programs.Require("nix-instantiate");
        var source = Folder + "/source";
        var expression = $"builtins.genList (n: derivation {{ name = \"tiny-${{toString n}}\"; system = \"x86_64-linux\"; builder = \"/bin/sh\"; n = n; }}) {Count}";
        var environment = new Dictionary<string, string> { ["NIX_REMOTE"] = "", ["HOME"] = Folder };
        var paths = Command.Run("nix-instantiate", ["--store", source, "--expr", expression], environment)
            .Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Count, paths.Length);
        var server = StartServer();
        var client = NewClient(server);

        client.Run(["push", "--from", source, .. paths]).Succeeded();

        Assert.Equal(Count, PushTests.ListedPaths(client).Length);
        var packs = Directory.EnumerateFiles(server.DataDirectory + "/packs", "*", SearchOption.AllDirectories)
            .Count(file => !file.EndsWith(".lock", StringComparison.Ordinal));
        Assert.InRange(packs, 1, PacksMax);
        client.Mount();
        foreach (var path in paths.Take(50))
        {
            Assert.Equal(File.ReadAllText(source + path), File.ReadAllText(client.Real(path)));
        }
    }
}
