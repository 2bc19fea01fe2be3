using NixFuseStore.Nix;

namespace NixFuseStore.Daemon;

/// <summary>What keeps paths alive.</summary>
public interface IRootStore
{
    /// <summary>The temporary roots of one more connection, which disposes them when it ends.</summary>
    ITemporaryRoots OpenTemporaryRoots();

    /// <summary>
    /// Records an indirect root: a symlink in the client's file system that names a store path. It is looked at through the
    /// client's process, since the client may live in a mount namespace of its own.
    /// </summary>
    /// <param name="link">Absolute path of the symlink, as the client sees it.</param>
    /// <param name="peer">Who asks.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null where it is recorded; else why not, which the client is told as a warning.</returns>
    Task<string?> AddIndirectRootAsync(string link, DaemonPeer peer, CancellationToken cancellationToken);

    /// <summary>Records a permanent root of that name, which need not be a path in any file system, for the user who asks.</summary>
    /// <exception cref="DaemonStoreException">Another user's root has that name.</exception>
    Task AddPermanentRootAsync(StorePath path, string link, DaemonPeer peer, CancellationToken cancellationToken);

    /// <summary>All roots: (link or name, target), temporary ones as <c>{temp:SESSION}</c>.</summary>
    Task<IReadOnlyCollection<(string Link, StorePath Target)>> FindRootsAsync(CancellationToken cancellationToken);

    /// <summary>Valid paths that some root keeps (<paramref name="live"/>), or that none does; ascending.</summary>
    Task<IReadOnlyCollection<StorePath>> ListByLivenessAsync(bool live, CancellationToken cancellationToken);
}
