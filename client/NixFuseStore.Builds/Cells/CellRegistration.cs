using System.Globalization;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Cells;

/// <summary>What a cell's own database is told, in the format of <c>nix-store --load-db</c>.</summary>
internal static class CellRegistration
{
    /// <summary>Writes the paths: for each its path, NAR hash, NAR size, deriver, number of references, and these, a line each.</summary>
    internal static void Write(TextWriter writer, StoreDirectory directory, IEnumerable<PathInfo> paths)
    {
        foreach (var info in paths)
        {
            writer.Write(directory.Print(info.Path));
            writer.Write('\n');
            writer.Write(info.NarHash.ToHex());
            writer.Write('\n');
            writer.Write(info.NarSize.ToString(CultureInfo.InvariantCulture));
            writer.Write("\n\n");
            writer.Write(info.References.Count.ToString(CultureInfo.InvariantCulture));
            writer.Write('\n');
            foreach (var reference in info.References)
            {
                writer.Write(directory.Print(reference));
                writer.Write('\n');
            }
        }
    }
}
