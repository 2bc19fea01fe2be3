namespace NixFuseStore.MountBenchmarks;

/// <summary>Settings for stock Nix under which it looks at nothing but the stores that its command line names.</summary>
internal static class NixSettings
{
    private const string Configuration = """
        experimental-features = nix-command
        substituters =
        build-users-group =
        """;

    /// <summary>Nix keeps caches in the home directory of its user; those of the benchmark lie in the folder that <see cref="UseHome"/> named.</summary>
    public static Dictionary<string, string> Environment { get; } = new() { ["NIX_CONFIG"] = Configuration, ["NIX_REMOTE"] = "" };

    public static void UseHome(string folder)
    {
        Directory.CreateDirectory(folder);
        Environment["HOME"] = folder;
        Environment["XDG_CACHE_HOME"] = folder;
    }
}
