namespace NixFuseStore.Builds.Cells;

/// <summary>The nix.conf of cells; stock Nix reads no other.</summary>
/// <param name="ExtraPlatforms">Systems that builders run on beside this host's own.</param>
/// <param name="SystemFeatures">System features that derivations may require.</param>
internal sealed record CellSettings(IReadOnlyList<string> ExtraPlatforms, IReadOnlyList<string> SystemFeatures)
{
    /// <summary>
    /// Where the cell's build directories are seen within the cell: Nix from 2.30 on wants no directory above them that all may write, and cells
    /// may lie anywhere.
    /// </summary>
    internal const string BuildDirectory = "/var/lib/nixfuse/build";

    /// <summary>Where the socket of the host's name service cache lies, if there is one.</summary>
    internal const string NameServiceDirectory = "/run/nscd";

    /// <summary>
    /// Builders are in a sandbox, or do not run. Nothing is fetched, for what is needed is there; nothing is signed or hooked; only root
    /// is there to be trusted. The cell's database need not survive the host, and keeps no disk space for later. Releases that lack one of the settings say so and go on.
    /// </summary>
    private const string Always =
        $"""
        sandbox = true
        sandbox-fallback = false
        build-users-group = {BuildUsers.Group}
        max-jobs = 1
        substituters =
        builders =
        keep-build-log = false
        auto-optimise-store = false
        require-sigs = false
        allowed-users = root
        trusted-users = root
        post-build-hook =
        fsync-metadata = false
        gc-reserved-space = 0
        build-dir = {BuildDirectory}

        """;

    /// <summary>The file's text.</summary>
    /// <param name="isContentAddressed">Whether outputs get paths that depend on their content.</param>
    /// <param name="sandboxPaths">What of the host builders see, as <c>TARGET=SOURCE</c>; nothing but for the probe.</param>
    internal string Text(bool isContentAddressed, IReadOnlyList<string> sandboxPaths)
    {
        string[] features = [.. SystemFeatures, .. isContentAddressed ? (string[])["ca-derivations"] : []];
        return $"""
            {Always}sandbox-paths = {string.Join(' ', sandboxPaths)}
            extra-platforms = {string.Join(' ', ExtraPlatforms)}
            system-features = {string.Join(' ', features)}
            {(isContentAddressed ? "experimental-features = ca-derivations" : "")}

            """;
    }
}
