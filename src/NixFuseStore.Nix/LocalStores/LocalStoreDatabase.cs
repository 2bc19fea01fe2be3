using Microsoft.Data.Sqlite;

namespace NixFuseStore.Nix.LocalStores;

// Opens a db.sqlite that belongs to Nix, for reading only.
internal static class LocalStoreDatabase
{
    private const int BusyTimeoutSeconds = 10;

    // Result codes of SQLite.
    private const int CannotOpen = 14;  // SQLITE_CANTOPEN
    private const int ReadOnlyCode = 8; // SQLITE_READONLY

    internal static SqliteConnection Open(string database)
    {
        LoadLibrary();
        try
        {
            return OpenAs(database);
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode is CannotOpen or ReadOnlyCode && HasNoLog(database))
        {
            // Readers of a database in WAL mode share an index file, which cannot be made on a read-only medium or in another
            // user's directory. With no log there, no process is writing, and the file can be read as it lies.
            return Explain(database, () => OpenAs($"file://{EscapePath(Path.GetFullPath(database))}?immutable=1"));
        }
        catch (SqliteException exception)
        {
            throw Error(database, exception);
        }
    }

    private static void LoadLibrary()
    {
        try
        {
            SystemSqlite.Load();
        }
        catch (DllNotFoundException exception)
        {
            throw new LocalStoreException(exception.Message, exception);
        }
    }

    internal static LocalStoreException Error(string database, SqliteException exception) =>
        new($"The Nix store's database {database} cannot be read: {exception.Message}", exception);

    private static SqliteConnection OpenAs(string source)
    {
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = source,
            Mode = SqliteOpenMode.ReadOnly,
            Pooling = false,
            DefaultTimeout = BusyTimeoutSeconds,
        };
        var connection = new SqliteConnection(settings.ToString());
        try
        {
            connection.Open();

            // Opening reads nothing yet; this does, and finds what is no database or has not Nix's tables.
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT (SELECT count(*) FROM (SELECT 1 FROM ValidPaths LIMIT 1)) + (SELECT count(*) FROM (SELECT 1 FROM Refs LIMIT 1))";
            command.ExecuteScalar();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static SqliteConnection Explain(string database, Func<SqliteConnection> open)
    {
        try
        {
            return open();
        }
        catch (SqliteException exception)
        {
            throw Error(database, exception);
        }
    }

    private static bool HasNoLog(string database)
    {
        var log = new FileInfo(database + "-wal");
        return !log.Exists || log.Length == 0;
    }

    private static string EscapePath(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}
