using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Builds.Cells;

/// <summary>What is mounted in a cell, in the format of fstab(5): one <c>mount</c> does it all, in this order.</summary>
internal static class CellMounts
{
    private const string Source = "nixfuse-cell";

    // Names are relative, for mount options may not hold everything. xino and the like need stable file handles of the lower layer, which FUSE
    // has not.
    private const string OverlayOptions = "lowerdir=lower,upperdir=upper,workdir=work,xino=off,index=off,metacopy=off,redirect_dir=off";

    /// <summary>The file's text.</summary>
    /// <param name="cell">The cell's directory, in which <c>mount</c> has to run.</param>
    /// <param name="mountedStore">Where the mount shows paths.</param>
    /// <param name="store">The store directory.</param>
    /// <param name="hidesNameService">Whether the host's name service cache has to be hidden, which knows no users of cells.</param>
    internal static string Table(string cell, string mountedStore, StoreDirectory store, bool hidesNameService)
    {
        var table = new StringBuilder();
        Add(mountedStore, Path.Combine(cell, "lower"), "none", "bind");
        Add(Source, $"{cell}/root{store}", "overlay", OverlayOptions);
        Add(Path.Combine(cell, "passwd"), "/etc/passwd", "none", "bind");
        Add(Path.Combine(cell, "group"), "/etc/group", "none", "bind");
        Add(Path.Combine(cell, "tmp"), CellSettings.BuildDirectory, "none", "bind");
        if (hidesNameService)
        {
            Add(Source, CellSettings.NameServiceDirectory, "tmpfs", "defaults");
        }

        return table.ToString();

        void Add(string source, string target, string type, string options) =>
            table.Append(Escape(source)).Append(' ').Append(Escape(target)).Append(' ').Append(type).Append(' ').Append(options).Append(" 0 0\n");
    }

    // A backslash first, as the others bring their own. A '#' begins a comment only where it begins a line, and a source begins with none.
    private static string Escape(string name) => name
        .Replace("\\", "\\134", StringComparison.Ordinal)
        .Replace(" ", "\\040", StringComparison.Ordinal)
        .Replace("\t", "\\011", StringComparison.Ordinal)
        .Replace("\n", "\\012", StringComparison.Ordinal);
}
