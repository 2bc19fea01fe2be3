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
        return await SqlMetadataStore.OpenAsync(OpenDialect(uri, options), options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens a blob store by URI, <c>file:DIR</c>; the directory is made where it is missing, and narrowed where others may look into it.</summary>
    /// <param name="uri">Where the blobs are.</param>
    /// <param name="notice">Is told in one line when it was narrowed.</param>
    /// <exception cref="FormatException">The URI is not one of these.</exception>
    /// <exception cref="IOException">The directory cannot be used.</exception>
    public static IBlobStore OpenBlobs(string uri, Action<string>? notice = null)
    {
        ArgumentNullException.ThrowIfNull(uri);
        return TryCutScheme(uri, "file:", out string directory)
            ? new FileBlobStore(directory, notice)
            : throw new FormatException($"'{uri}' is not a blob store: use file:DIR.");
    }

    private static SqlDialect OpenDialect(string uri, MetadataStoreOptions options)
    {
        if (TryCutScheme(uri, "sqlite:", out string file))
        {
            SqliteFiles.Prepare(Path.GetFullPath(file), options);
            return new SqliteDialect(file);
        }

        return uri.StartsWith("postgres://", StringComparison.Ordinal) || uri.StartsWith("postgresql://", StringComparison.Ordinal)
            ? new PostgresDialect(PostgresUri.ToConnectionString(uri, options.Password, options.PassFile))
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
