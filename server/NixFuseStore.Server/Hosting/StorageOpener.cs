using NixFuseStore.Storage;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Hosting;

/// <summary>Opens what <see cref="StorageOptions"/> name; whatever goes wrong becomes a line for the operator.</summary>
internal static class StorageOpener
{
    /// <exception cref="ServerException">It cannot be opened.</exception>
    public static async Task<IMetadataStore> OpenMetadataAsync(StorageOptions options, CancellationToken cancellation)
    {
        try
        {
            if (options.Metadata is null)
            {
                CreateDataDirectory(options);
                CreateMetadataFile(options.MetadataFile);
            }

            return await StorageFactory.OpenMetadataAsync(options.MetadataUri, cancellationToken: cancellation).ConfigureAwait(false);
        }
        catch (MetadataUnavailableException e)
        {
            throw new ServerException(e.Message, e);
        }
        catch (FormatException e)
        {
            throw new FormatException($"--metadata is wrong: {e.Message}", e);
        }
    }

    /// <exception cref="ServerException">It cannot be opened.</exception>
    public static IBlobStore OpenBlobs(StorageOptions options)
    {
        try
        {
            if (options.Blobs is null)
            {
                CreateDataDirectory(options);
            }

            return StorageFactory.OpenBlobs(options.BlobsUri);
        }
        catch (FormatException e)
        {
            throw new FormatException($"--blobs is wrong: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServerException($"cannot use {options.BlobsUri} for packs: {e.Message}", e);
        }
    }

    /// <summary>Makes an empty file, which SQLite takes for a new database, so that nobody else may read the keys in it, whatever the umask.</summary>
    private static void CreateMetadataFile(string file)
    {
        if (File.Exists(file))
        {
            return;
        }

        try
        {
            using var created = new FileStream(file, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
#pragma warning disable CA1416 // this program runs on Linux only
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
#pragma warning restore CA1416
            });
        }
        catch (IOException) when (File.Exists(file))
        {
            // Another process was quicker.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServerException($"cannot make {file}: {e.Message}", e);
        }
    }

    private static void CreateDataDirectory(StorageOptions options)
    {
        try
        {
            // Keys lie in there.
#pragma warning disable CA1416 // this program runs on Linux only
            Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
#pragma warning restore CA1416
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServerException($"cannot make the data directory {options.DataDirectory}: {e.Message}", e);
        }

        var probe = Path.Combine(options.DataDirectory, ".probe-" + Environment.ProcessId);
        try
        {
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServerException($"cannot write to the data directory {options.DataDirectory}: {e.Message}", e);
        }
    }
}
