using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// The files of a SQLite database: keys and hashes of tokens lie in them, so only their owner may read them. SQLite gives the files beside
/// a database (write-ahead log and its index) the mode of the database itself.
/// </summary>
internal static class SqliteFiles
{
    private static readonly string[] Suffixes = ["", "-wal", "-shm", "-journal"];

    /// <summary>Makes an empty file, which SQLite takes for a new database, or narrows what is there. Never makes directories.</summary>
    /// <exception cref="MetadataUnavailableException">There is nothing that can be used.</exception>
    public static void Prepare(string file, MetadataStoreOptions options)
    {
        try
        {
            if (FilePermissions.TryGet(file) is null)
            {
                Create(file, options.MustExist);
            }

            foreach (var suffix in Suffixes)
            {
                PrivateFiles.SecureFile(file + suffix, options.Notice);
            }
        }
        catch (Exception e) when (e is IOException and not MetadataUnavailableException or UnauthorizedAccessException)
        {
            throw new MetadataUnavailableException($"cannot use the database {file}: {e.Message}", e);
        }
    }

    private static void Create(string file, bool mustExist)
    {
        if (mustExist)
        {
            throw new MetadataUnavailableException($"there is no database {file}: name the one that the server uses, with --data or --metadata as for 'serve'");
        }

        var directory = Path.GetDirectoryName(file);
        if (!Directory.Exists(directory))
        {
            throw new MetadataUnavailableException($"the directory {directory} of the database {file} does not exist: make it first (mkdir -m 700 {directory})");
        }

        try
        {
            using SafeFileHandle created = PrivateFiles.Open(file, FileMode.CreateNew, FileAccess.Write);
        }
        catch (IOException) when (File.Exists(file))
        {
            // Another process was quicker.
        }
    }
}
