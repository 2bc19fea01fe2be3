namespace NixFuseStore.Testing.Vectors;

/// <summary>
/// Nix's own test data (the folder <c>src/libstore-tests/data</c> of its sources), which is not part of this repository. Tests over it carry the
/// trait <see cref="Trait"/>; <c>test.sh</c> leaves them out where the folder is missing, and says so.
/// </summary>
public static class NixVectors
{
    /// <summary>Name of the trait whose value is <see cref="Trait"/>.</summary>
    public const string TraitName = "Data";

    /// <summary>The trait's value.</summary>
    public const string Trait = "nix-vectors";

    /// <summary>The folder, from the environment variable NIXFUSE_TEST_NIX_VECTORS; null where it is not set.</summary>
    public static string? Folder => Environment.GetEnvironmentVariable("NIXFUSE_TEST_NIX_VECTORS") is { Length: > 0 } folder ? folder : null;

    /// <summary>The files of a folder whose names end so, without the ending, ascending; none where there are no vectors.</summary>
    public static IEnumerable<string> Names(string folder, string ending) => Folder is null ? [] : Directory
        .EnumerateFiles(Path.Combine(Folder, folder), "*" + ending, SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Folder, file)[..^ending.Length])
        .Order(StringComparer.Ordinal);

    /// <summary>A file's bytes.</summary>
    public static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Folder!, name));
}
