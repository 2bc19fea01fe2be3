using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>
/// What keeps paths alive: roots of hosts, and sessions whose temporary roots last as long as their lease. What a root names may be
/// valid, not yet, or no more. A root or session whose lease has run out counts as gone everywhere here.
/// </summary>
public interface IRootCatalog
{
    /// <summary>Sets roots of one host. One with the same link is replaced, its lease too; of equal links the last counts. Durable.</summary>
    Task SetRootsAsync(StoreId store, string host, IReadOnlyCollection<NewRoot> roots, CancellationToken cancellationToken = default);

    /// <summary>Removes roots of one host. Durable.</summary>
    /// <returns>The links that there were.</returns>
    Task<IReadOnlyList<string>> RemoveRootsAsync(
        StoreId store, string host, IReadOnlyCollection<string> links, CancellationToken cancellationToken = default);

    /// <summary>All roots by host and link, then the temporary ones by session and path.</summary>
    Task<IReadOnlyList<RootRecord>> ListRootsAsync(StoreId store, CancellationToken cancellationToken = default);

    /// <summary>
    /// Every valid path that some root keeps alive (<paramref name="live"/>), or every other one, ascending by base name and in batches
    /// that are never empty. A live path keeps alive what it refers to, and its deriver.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="live">Which of both.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    /// <remarks>What is alive is found in one moment, before the first batch; paths revoked meanwhile are left out.</remarks>
    IAsyncEnumerable<IReadOnlyList<StorePath>> ListByLivenessAsync(StoreId store, bool live, CancellationToken cancellationToken = default);

    /// <summary>Opens a session; its number never comes back.</summary>
    /// <param name="store">The store.</param>
    /// <param name="owner">Who may use it: no other owner's calls find it.</param>
    /// <param name="host">Where the client runs, for people.</param>
    /// <param name="lease">How long it lasts unless it is renewed.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<SessionId> OpenSessionAsync(
        StoreId store, string owner, string host, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Extends a session's lease from now on; false where the session is gone.</summary>
    Task<bool> RenewSessionAsync(SessionId session, TimeSpan lease, CancellationToken cancellationToken = default);

    /// <summary>Adds temporary roots; false where the session is gone. Durable.</summary>
    Task<bool> AddTemporaryRootsAsync(
        SessionId session, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken = default);

    /// <summary>Removes temporary roots. Those that there are not, or of a session that is gone, are no error; one that a crash brings back ends with its session.</summary>
    Task RemoveTemporaryRootsAsync(
        SessionId session, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken = default);

    /// <summary>Ends a session and drops its roots; one that is gone is no error.</summary>
    Task CloseSessionAsync(SessionId session, CancellationToken cancellationToken = default);
}
