using NixFuseStore.Native.Files;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Hosting;

/// <summary>
/// Opens what <see cref="StorageOptions"/> name; whatever goes wrong becomes a line for the operator. Everything here holds secrets or
/// content, so it is for the server's user alone.
/// </summary>
internal static class StorageOpener
{
    /// <param name="options">Where storage is.</param>
    /// <param name="mayCreate">Whether a database may be made where there is none.</param>
    /// <param name="notice">Is told in one line what was put right.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ServerException">It cannot be opened.</exception>
    public static async Task<IMetadataStore> OpenMetadataAsync(
        StorageOptions options, bool mayCreate, Action<string> notice, CancellationToken cancellation)
    {
        try
        {
            if (options.Metadata is null && mayCreate)
            {
                CreateDataDirectory(options, notice);
            }

            var settings = new MetadataStoreOptions
            {
                MustExist = !mayCreate,
                Password = options.MetadataPassword,
                PassFile = options.MetadataPassFile,
                Notice = notice,
            };
            return await StorageFactory.OpenMetadataAsync(options.MetadataUri, settings, cancellation).ConfigureAwait(false);
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
    public static IBlobStore OpenBlobs(StorageOptions options, Action<string> notice)
    {
        try
        {
            if (options.Blobs is null)
            {
                CreateDataDirectory(options, notice);
            }

            return StorageFactory.OpenBlobs(options.BlobsUri, notice);
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

    private static void CreateDataDirectory(StorageOptions options, Action<string> notice)
    {
        var directory = Path.GetFullPath(options.DataDirectory);
        try
        {
            PrivateFiles.SecureDirectory(directory, notice);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServerException($"cannot use the data directory {directory}: {e.Message}", e);
        }

        var probe = Path.Combine(directory, ".probe-" + Environment.ProcessId);
        try
        {
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServerException($"cannot write to the data directory {directory}: {e.Message}", e);
        }
    }
}
