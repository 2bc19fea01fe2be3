using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon;

/// <summary>Builds nothing and says so.</summary>
/// <param name="directory">For the message.</param>
public sealed class RefusingBuilder(StoreDirectory directory) : IBuilder
{
    /// <inheritdoc/>
    public Task BuildAsync(
        StorePath path,
        Derivation derivation,
        IReadOnlyCollection<string> outputs,
        Func<string, ValueTask> logLine,
        CancellationToken cancellationToken) =>
        throw new DaemonStoreException(
            $"cannot build '{directory.Print(path)}': this store does not build, and its output is neither valid nor substitutable; "
            + "build it with another store (--store, or as a remote builder) and copy the result here");
}
