using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon;

/// <summary>Builds derivations whose outputs are neither valid nor substitutable.</summary>
public interface IBuilder
{
    /// <summary>Builds and registers outputs; inputs that are not valid yet are the builder's to make or fetch.</summary>
    /// <param name="path">The .drv.</param>
    /// <param name="derivation">What it says; without input derivations where a client sent it by itself.</param>
    /// <param name="outputs">The wanted ones by name.</param>
    /// <param name="logLine">Told each line that the build prints, without newline, one at a time; waits for a client that reads slowly.</param>
    /// <param name="cancellationToken">Ends the build.</param>
    /// <exception cref="DaemonStoreException">It failed, or cannot be built here.</exception>
    Task BuildAsync(
        StorePath path,
        Derivation derivation,
        IReadOnlyCollection<string> outputs,
        Func<string, ValueTask> logLine,
        CancellationToken cancellationToken);
}
