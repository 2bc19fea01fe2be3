using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage;

/// <summary>Opens the stores that the command line names.</summary>
public static class StorageFactory
{
    /// <summary>
    /// Opens metadata by URI, <c>postgres://user:password@host:port/database?sslmode=…</c> or <c>sqlite:FILE</c>, and brings its schema up to date.
    /// </summary>
    /// <exception cref="FormatException">The URI is not one of these.</exception>
    /// <exception cref="MetadataUnavailableException">The database cannot be reached, or its schema is newer than this program.</exception>
    public static Task<IMetadataStore> OpenMetadataAsync(string uri, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Opens a blob store by URI, <c>file:DIR</c>; the directory is made where it is missing.</summary>
    /// <exception cref="FormatException">The URI is not one of these.</exception>
    public static IBlobStore OpenBlobs(string uri) => throw new NotImplementedException();
}
