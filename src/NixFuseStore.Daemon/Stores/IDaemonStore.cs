using NixFuseStore.Nix;

namespace NixFuseStore.Daemon;

/// <summary>
/// The store that a daemon serves. All members may be called from any thread and overlap; each fails with
/// <see cref="DaemonStoreException"/> alone, and within a deadline of its own where a server is involved.
/// </summary>
public interface IDaemonStore : IPathQueries, IPathWriter, ISubstitution, IRealisationStore, IRootStore
{
    /// <summary>The store directory, such as <c>/nix/store</c>.</summary>
    StoreDirectory Directory { get; }
}
