using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>How damage is told, in the log and by the check.</summary>
internal static class DamageText
{
    /// <summary>Paths that a line names at most.</summary>
    private const int PathsMax = 8;

    public static string Of(DamagedChunk chunk) =>
        $"chunk {chunk.Id} in pack {(chunk.PackName.Length > 0 ? chunk.PackName : chunk.Location.Pack)} at {chunk.Location.Offset} is damaged: "
        + Paths(chunk.Paths);

    public static string Paths(IReadOnlyCollection<StorePath> paths)
    {
        string[] names = [.. paths.Select(path => path.BaseName).Distinct().Order(StringComparer.Ordinal)];
        return names.Length switch
        {
            0 => "no valid path needs it",
            > PathsMax => $"{string.Join(", ", names[..PathsMax])} and {names.Length - PathsMax} more paths need it",
            1 => $"{names[0]} needs it",
            _ => $"{string.Join(", ", names)} need it",
        };
    }
}
