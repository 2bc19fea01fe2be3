using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon;

/// <summary>Builds derivations whose outputs are neither valid nor substitutable.</summary>
public interface IBuilder
{
    /// <summary>Builds and registers outputs.</summary>
    /// <param name="path">The .drv.</param>
    /// <param name="derivation">What it says; without input derivations where a client sent it by itself.</param>
    /// <param name="outputs">The wanted ones by name.</param>
    /// <param name="logLine">Called with each line that the build prints, without newline.</param>
    /// <param name="cancellationToken">Ends the build.</param>
    /// <exception cref="DaemonStoreException">It failed, or cannot be built here.</exception>
    Task BuildAsync(
        StorePath path, Derivation derivation, IReadOnlyCollection<string> outputs, Action<string> logLine, CancellationToken cancellationToken);
}
