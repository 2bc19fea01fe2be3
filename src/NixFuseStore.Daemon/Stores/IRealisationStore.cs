namespace NixFuseStore.Daemon;

/// <summary>What outputs of content-addressed derivations came to.</summary>
public interface IRealisationStore
{
    /// <summary>
    /// Registers a realisation; the first one stays, and takes over the signatures of later ones that are equal but for them. One whose path is not
    /// valid gives way to one whose path is.
    /// </summary>
    /// <param name="id"><c>sha256:HEX!OUTPUT</c>.</param>
    /// <param name="json">Nix's JSON form.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Nix's JSON form of the one that is registered now, which may name another path.</returns>
    Task<string> AddRealisationAsync(string id, string json, CancellationToken cancellationToken);

    /// <summary>Nix's JSON form of a realisation, or null.</summary>
    Task<string?> FindRealisationAsync(string id, CancellationToken cancellationToken);
}
