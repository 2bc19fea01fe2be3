using System.Text.RegularExpressions;

namespace NixFuseStore.Builds.Cells;

/// <summary>What stock Nix says in a cell, as it would say it of the store that the client sees. What builders print is theirs, and stays as it is.</summary>
internal sealed partial class CellWords(Cell cell)
{
    /// <summary>A line of Nix's own: places within the cell are those of the store, and build directories those of the host.</summary>
    internal string OfLine(string line) => line
        .Replace(Path.Combine(cell.Directory, "root"), "", StringComparison.Ordinal)
        .Replace(CellSettings.BuildDirectory + "/", cell.BuildDirectories + "/", StringComparison.Ordinal);

    /// <summary>An error, without <c>error:</c> before it, coloured or not.</summary>
    internal string OfError(string message) =>
        OfLine(ErrorPrefix().Replace(message, "")).Replace("from in-memory derivation", "from .drv file", StringComparison.Ordinal);

    [GeneratedRegex(@"^(\x1b\[[0-9;]*m)*error:(\x1b\[[0-9;]*m)*\s*")]
    private static partial Regex ErrorPrefix();
}
