using NixFuseStore.Client.Roots;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Daemon;

/// <summary>Temporary roots of the client library, as the daemon wants them.</summary>
internal sealed class MountedTemporaryRoots(HeldRoots roots) : ITemporaryRoots
{
    /// <inheritdoc/>
    public void Add(StorePath path) => roots.Add(path);

    /// <inheritdoc/>
    public void Dispose() => roots.Dispose();
}
