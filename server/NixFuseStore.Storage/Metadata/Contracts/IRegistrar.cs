using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>Making paths valid and removing them.</summary>
public interface IRegistrar
{
    /// <summary>
    /// Makes paths valid in one transaction, each wholly or not at all; one result a path, in the order given. Idempotent, and repeated
    /// inside where the database asks for that. Calls that run at the same time may share a transaction and thus a disk flush.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="scope">Chunks outside of it count as missing.</param>
    /// <param name="paths">Verified by the caller. References must be valid or stand in the same list.</param>
    /// <param name="ending">
    /// The execution whose outputs these are, which ends with them; null for paths that no build has made. Then all become valid or none: where one
    /// cannot, the others are <see cref="RegistrationOutcome.HeldBack"/>, and the execution goes on.
    /// </param>
    /// <param name="cancellationToken">Gives up waiting; the registration may still happen.</param>
    /// <exception cref="MetadataUnavailableException">It is not known whether the paths were registered; ask again.</exception>
    /// <exception cref="BuildLostException">The execution is not the caller's any more.</exception>
    Task<IReadOnlyList<RegistrationResult>> RegisterPathsAsync(
        StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths, BuildEnd? ending = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Adds signatures to valid paths; those that they have are kept once. Where a path would have more than <see cref="PathSignatures.CountMax"/>
    /// Nix signatures, those that come last are left out. Durable.
    /// </summary>
    Task<SignaturesResult> AddSignaturesAsync(
        StoreId store, IReadOnlyCollection<PathSignatures> signatures, CancellationToken cancellationToken = default);

    /// <summary>Removes paths, all or none; a path that others refer to needs them in the same call.</summary>
    Task<RevocationResult> RevokePathsAsync(
        StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken = default);
}
