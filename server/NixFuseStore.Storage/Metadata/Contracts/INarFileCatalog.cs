using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata;

/// <summary>NAR files that were uploaded to binary caches. All servers of the database see them.</summary>
public interface INarFileCatalog
{
    /// <summary>
    /// Keeps a file for some time, or for longer where it is there already. Files whose time is over and that no path came of are
    /// dropped along the way.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="file">The file with its draft; <see cref="NarFile.Path"/> is not looked at.</param>
    /// <param name="lifetime">How long it waits for its path.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task AddNarFileAsync(StoreId store, NarFile file, TimeSpan lifetime, CancellationToken cancellationToken = default);

    /// <summary>The file of that name, or null where there is none or its time is over.</summary>
    Task<NarFile?> FindNarFileAsync(StoreId store, string name, CancellationToken cancellationToken = default);

    /// <summary>
    /// Ties a file to the valid path that it became: it stays as long as the path does, and drops its draft. False where either is missing.
    /// </summary>
    Task<bool> TieNarFileAsync(StoreId store, string name, StorePath path, CancellationToken cancellationToken = default);

    /// <summary>Forgets a file that is of no more use, such as one whose chunks are gone.</summary>
    Task RemoveNarFileAsync(StoreId store, string name, CancellationToken cancellationToken = default);

    /// <summary>What the compressed file of a manifest's NAR is when a given encoder writes it; null where that is not known.</summary>
    Task<CompressedNar?> FindCompressedNarAsync(ManifestDigest manifest, string encoder, CancellationToken cancellationToken = default);

    /// <summary>Keeps what <see cref="FindCompressedNarAsync"/> tells, of a manifest that some path has. What is there stays. A hint: it can be computed again.</summary>
    Task AddCompressedNarAsync(ManifestDigest manifest, string encoder, CompressedNar file, CancellationToken cancellationToken = default);
}
