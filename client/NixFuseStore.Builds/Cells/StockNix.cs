namespace NixFuseStore.Builds.Cells;

/// <summary>The programs of stock Nix that run in cells.</summary>
/// <param name="Daemon">Full path of <c>nix-daemon</c>.</param>
/// <param name="Store">Full path of <c>nix-store</c>.</param>
internal sealed record StockNix(string Daemon, string Store)
{
    /// <summary>Finds them.</summary>
    /// <param name="directory">Where Nix is installed: the programs lie in it or in its <c>bin</c>; null for PATH.</param>
    /// <exception cref="CellException">They are not there.</exception>
    internal static StockNix Find(string? directory)
    {
        string[] places = directory is not null
            ? [Path.Combine(directory, "bin"), directory]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return new StockNix(Find(places, directory, "nix-daemon"), Find(places, directory, "nix-store"));
    }

    private static string Find(string[] places, string? directory, string program) =>
        Array.ConvertAll(places, place => Path.Combine(place, program)).FirstOrDefault(File.Exists)
        ?? throw new CellException(
            $"stock Nix, which builds here, is missing: there is no {program} {(directory is null ? "on PATH" : $"in {directory}")}; "
            + "install Nix on this host, or give the directory of one to nixfuse mount with --build-nix");
}
