using NixFuseStore.Nix;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>A file of a binary cache, by its URL.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Which one: a hash part, or what stands behind the folder's name.</param>
internal readonly record struct CacheFile(CacheFileKind Kind, string Name)
{
    /// <summary>No name of any file is longer; a base name has 244 characters, the id of a realisation may have some more.</summary>
    private const int NameLengthMax = 512;

    private const string NarInfoEnding = ".narinfo";
    private const string ListingEnding = ".ls";
    private const string RealisationEnding = ".doi";

    /// <summary>Reads what stands behind the store's name and a slash.</summary>
    public static bool TryParse(string path, out CacheFile file)
    {
        file = default;
        if (path.Length > NameLengthMax)
        {
            return false;
        }

        file = path switch
        {
            "nix-cache-info" => new CacheFile(CacheFileKind.CacheInfo, ""),
            _ when Between("nar/", path, "") is { } name => new CacheFile(CacheFileKind.Nar, name),
            _ when Between("debuginfo/", path, "") is { } id => new CacheFile(CacheFileKind.DebugInfo, id),
            _ when Between("log/", path, "") is { } name => new CacheFile(CacheFileKind.Log, name),
            _ when Between("realisations/", path, RealisationEnding) is { } id => new CacheFile(CacheFileKind.Realisation, id),
            _ when Between("", path, NarInfoEnding) is { } part && StorePath.IsHashPart(part) => new CacheFile(CacheFileKind.NarInfo, part),
            _ when Between("", path, ListingEnding) is { } part && StorePath.IsHashPart(part) => new CacheFile(CacheFileKind.Listing, part),
            _ => default,
        };
        return file.Name is not null;
    }

    private static string? Between(string before, string path, string after) =>
        path.Length > before.Length + after.Length
        && path.StartsWith(before, StringComparison.Ordinal)
        && path.EndsWith(after, StringComparison.Ordinal)
        && path[before.Length..^after.Length] is var name
        && !name.Contains('/', StringComparison.Ordinal)
            ? name
            : null;
}
