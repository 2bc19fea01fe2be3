using NixFuseStore.Nix;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.Builds.Cells;

/// <summary>The database of a cell before it knows of a path, as one release of stock Nix makes it.</summary>
/// <param name="Database">The file <c>db.sqlite</c>.</param>
/// <param name="Schema">The file <c>schema</c>.</param>
internal sealed record CellDatabase(byte[] Database, byte[] Schema)
{
    /// <summary>Takes it from a cell in which stock Nix has run; null where its schema is not known here.</summary>
    internal static CellDatabase? TakeFrom(string cell)
    {
        string folder = FolderIn(cell);
        return LocalStoreRegistration.IsPossible(folder)
            ? new CellDatabase(File.ReadAllBytes(Path.Combine(folder, "db.sqlite")), File.ReadAllBytes(Path.Combine(folder, "schema")))
            : null;
    }

    /// <summary>Whether paths can be told without Nix, which reads derivations and records their outputs.</summary>
    internal static bool Takes(IEnumerable<PathInfo> inputs) => !inputs.Any(static info => info.Path.Name.EndsWith(".drv", StringComparison.Ordinal));

    /// <summary>Puts a copy into a cell, and tells it of the inputs.</summary>
    internal void CopyInto(string cell, StoreDirectory store, IReadOnlyCollection<PathInfo> inputs)
    {
        string folder = FolderIn(cell);
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "db.sqlite"), Database);
        File.WriteAllBytes(Path.Combine(folder, "schema"), Schema);
        LocalStoreRegistration.Add(folder, store, inputs);
    }

    private static string FolderIn(string cell) => Path.Combine(cell, "root/nix/var/nix/db");
}
