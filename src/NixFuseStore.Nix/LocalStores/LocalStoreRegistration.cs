using Microsoft.Data.Sqlite;

namespace NixFuseStore.Nix.LocalStores;

/// <summary>
/// Tells a chroot store that no process uses, and that knows of no path yet, which paths are valid: what <c>nix-store --load-db</c> does,
/// without starting Nix. Recorded are hash, size and references, which is all that a store needs to build with them; of the rest, not every
/// release of Nix can read everything.
/// </summary>
public static class LocalStoreRegistration
{
    private static readonly string[] PathColumns = ["id", "path", "hash", "registrationTime", "deriver", "narSize", "ultimate", "sigs", "ca"];
    private static readonly string[] ReferenceColumns = ["referrer", "reference"];

    /// <summary>Whether <see cref="Add"/> can write there: the schema is the one that it knows, no path is valid, and the system has SQLite.</summary>
    /// <param name="folder">Where <c>db.sqlite</c> and <c>schema</c> lie.</param>
    public static bool IsPossible(string folder)
    {
        try
        {
            if (File.ReadAllText(Path.Combine(folder, "schema")).Trim() != LocalNixStore.SchemaSupported)
            {
                return false;
            }

            using var connection = Open(folder);
            return ReadColumn(connection, "SELECT name FROM pragma_table_info('ValidPaths') ORDER BY cid").SequenceEqual(PathColumns)
                && ReadColumn(connection, "SELECT name FROM pragma_table_info('Refs') ORDER BY cid").SequenceEqual(ReferenceColumns)
                && ReadColumn(connection, "SELECT path FROM ValidPaths LIMIT 1").Count == 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DllNotFoundException or SqliteException)
        {
            return false;
        }
    }

    /// <summary>Makes paths valid. Nothing is synced to the disk, and no log of SQLite stays beside the file.</summary>
    /// <param name="folder">Where the database lies.</param>
    /// <param name="directory">The store directory.</param>
    /// <param name="paths">The paths, with all that they refer to. No derivations, of which Nix records the outputs as well.</param>
    /// <exception cref="LocalStoreException">The database cannot be written, or a path is referred to and is not among them.</exception>
    public static void Add(string folder, StoreDirectory directory, IReadOnlyCollection<PathInfo> paths)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(paths);
        try
        {
            using var connection = Open(folder);
            using var transaction = connection.BeginTransaction();
            var ids = AddPaths(connection, directory, paths);
            AddReferences(connection, directory, paths, ids);
            transaction.Commit();
        }
        catch (SqliteException exception)
        {
            throw new LocalStoreException($"The Nix store's database in {folder} cannot be written: {exception.Message}", exception);
        }
    }

    private static Dictionary<StorePath, long> AddPaths(SqliteConnection connection, StoreDirectory directory, IReadOnlyCollection<PathInfo> paths)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "INSERT INTO ValidPaths (id, path, hash, registrationTime, narSize) VALUES ($id, $path, $hash, $time, $size)";
        var id = command.Parameters.Add("$id", SqliteType.Integer);
        var path = command.Parameters.Add("$path", SqliteType.Text);
        var hash = command.Parameters.Add("$hash", SqliteType.Text);
        command.Parameters.Add("$time", SqliteType.Integer).Value = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var size = command.Parameters.Add("$size", SqliteType.Integer);
        var ids = new Dictionary<StorePath, long>(paths.Count);
        foreach (var info in paths)
        {
            ids.Add(info.Path, ids.Count + 1);
            id.Value = (long)ids.Count;
            path.Value = directory.Print(info.Path);
            hash.Value = "sha256:" + info.NarHash.ToHex();
            size.Value = info.NarSize == 0 ? DBNull.Value : (long)info.NarSize;
            command.ExecuteNonQuery();
        }

        return ids;
    }

    private static void AddReferences(
        SqliteConnection connection, StoreDirectory directory, IReadOnlyCollection<PathInfo> paths, Dictionary<StorePath, long> ids)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "INSERT INTO Refs (referrer, reference) VALUES ($referrer, $reference)";
        var referrer = command.Parameters.Add("$referrer", SqliteType.Integer);
        var reference = command.Parameters.Add("$reference", SqliteType.Integer);
        foreach (var info in paths)
        {
            referrer.Value = ids[info.Path];
            foreach (var path in info.References)
            {
                reference.Value = ids.TryGetValue(path, out long id)
                    ? id
                    : throw new LocalStoreException($"{directory.Print(info.Path)} refers to {directory.Print(path)}, which is not valid.");
                command.ExecuteNonQuery();
            }
        }
    }

    private static SqliteConnection Open(string folder)
    {
        SystemSqlite.Load();
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = Path.Combine(folder, "db.sqlite"),
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,
        };
        var connection = new SqliteConnection(settings.ToString());
        try
        {
            connection.Open();
            using var command = connection.CreateCommand();

            // Alone with the file, SQLite keeps the index of its log in memory.
            command.CommandText = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF";
            command.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static List<string> ReadColumn(SqliteConnection connection, string query)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Only this class calls it, with constants.
        command.CommandText = query;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        var values = new List<string>();
        while (reader.Read())
        {
            values.Add(reader.GetString(0));
        }

        return values;
    }
}
