namespace NixFuseStore.Cli.Control;

/// <summary>Paths that were added on this host and acknowledged, and are not registered at the server.</summary>
/// <param name="Journal">Directory of the journal that keeps them.</param>
/// <param name="Waiting">Paths that will be registered when the server takes them.</param>
/// <param name="SetAside">Paths that the server refused; the log has the reasons, and the next mount tries them again.</param>
/// <param name="DamagedFiles">Files of the journal that cannot be read whole, and are kept.</param>
/// <param name="OtherStores">Directories with paths that wait for another store to be mounted with this cache.</param>
/// <param name="Trouble">Why the journal takes nothing at present; null while it works.</param>
internal sealed record AddingStatus(
    string Journal, int Waiting, int SetAside, IReadOnlyList<string> DamagedFiles, IReadOnlyList<string> OtherStores, string? Trouble);
