using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>What keeps paths alive: named roots, and sessions whose temporary roots last as long as their lease.</summary>
public interface IRootCatalog
{
    /// <summary>Sets a named root; false where the path is not valid.</summary>
    Task<bool> SetRootAsync(StoreId store, string name, StorePath path, CancellationToken cancellationToken = default);

    /// <summary>Removes a named root; false where there is none.</summary>
    Task<bool> RemoveRootAsync(StoreId store, string name, CancellationToken cancellationToken = default);

    /// <summary>All named roots by name.</summary>
    Task<IReadOnlyList<(string Name, StorePath Path)>> ListRootsAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>Opens a session; its number never comes back.</summary>
    Task<long> OpenSessionAsync(StoreId store, string owner, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Extends a session's lease; false where the session is gone or its lease had run out.</summary>
    Task<bool> RenewSessionAsync(long session, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Adds temporary roots, valid or not yet; false where the session is gone or its lease had run out.</summary>
    Task<bool> AddTemporaryRootsAsync(
        long session, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken = default);

    /// <summary>The temporary roots of sessions whose lease lasts.</summary>
    Task<IReadOnlyList<StorePath>> ListTemporaryRootsAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>Ends a session and drops its roots.</summary>
    Task CloseSessionAsync(long session, CancellationToken cancellationToken = default);
}
