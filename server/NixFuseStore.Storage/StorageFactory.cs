using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage;

/// <summary>Opens the stores that the command line names.</summary>
public static class StorageFactory
{
    /// <summary>
    /// Opens metadata by URI, <c>postgres://user:password@host:port/database?sslmode=…</c> or <c>sqlite:FILE</c>, and brings its schema up to date.
    /// </summary>
    /// <param name="uri">Which database.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="FormatException">The URI is not one of these.</exception>
    /// <exception cref="MetadataUnavailableException">The database cannot be reached, or its schema is newer than this program.</exception>
    public static Task<IMetadataStore> OpenMetadataAsync(string uri, CancellationToken cancellationToken = default) =>
        OpenMetadataAsync(uri, new MetadataStoreOptions(), cancellationToken);

    /// <summary>As the other, with settings.</summary>
    /// <inheritdoc cref="OpenMetadataAsync(string, CancellationToken)"/>
    public static async Task<IMetadataStore> OpenMetadataAsync(
        string uri, MetadataStoreOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(uri);
        ArgumentNullException.ThrowIfNull(options);
        return await SqlMetadataStore.OpenAsync(OpenDialect(uri), options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens a blob store by URI, <c>file:DIR</c>; the directory is made where it is missing.</summary>
    /// <exception cref="FormatException">The URI is not one of these.</exception>
    public static IBlobStore OpenBlobs(string uri)
    {
        ArgumentNullException.ThrowIfNull(uri);
        return TryCutScheme(uri, "file:", out string directory)
            ? new FileBlobStore(directory)
            : throw new FormatException($"'{uri}' is not a blob store: use file:DIR.");
    }

    private static SqlDialect OpenDialect(string uri)
    {
        if (TryCutScheme(uri, "sqlite:", out string file))
        {
            if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } directory)
            {
                Directory.CreateDirectory(directory);
            }

            return new SqliteDialect(file);
        }

        return uri.StartsWith("postgres://", StringComparison.Ordinal) || uri.StartsWith("postgresql://", StringComparison.Ordinal)
            ? new PostgresDialect(PostgresUri.ToConnectionString(uri))
            : throw new FormatException("The metadata URI begins neither with postgres:// nor with sqlite:.");
    }

    /// <summary>Takes <c>scheme:PATH</c> and <c>scheme:///PATH</c> apart.</summary>
    private static bool TryCutScheme(string uri, string scheme, out string path)
    {
        path = uri.StartsWith(scheme, StringComparison.Ordinal) ? uri[scheme.Length..] : "";
        if (path.StartsWith("///", StringComparison.Ordinal))
        {
            path = path[2..];
        }

        return path.Length > 0;
    }
}
