using Microsoft.Data.Sqlite;

namespace NixFuseStore.Nix.LocalStores;

/// <summary>
/// A Nix store on this machine, read beside whatever Nix does with it: the records from its <c>db.sqlite</c>, the files from disk.
/// The root is <c>/</c> for the ordinary store and another directory for a chroot store (<c>nix --store DIR</c>). Nothing is ever
/// written. All methods may be called from any thread and block on the disk. The owner disposes it.
/// </summary>
public sealed partial class LocalNixStore : IDisposable
{
    internal const string SchemaSupported = "10";

    private readonly string _root;

    // Guards the connection and its statements.
    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _findPath;
    private readonly SqliteCommand _findReferences;

    private LocalNixStore(string root, StoreDirectory directory, SqliteConnection connection)
    {
        _root = root;
        Directory = directory;
        _connection = connection;
        _findPath = connection.CreateCommand();
        _findPath.CommandText = $"SELECT {PathColumns} FROM ValidPaths WHERE path = $path";
        _findPath.Parameters.Add("$path", SqliteType.Text);
        _findReferences = connection.CreateCommand();
        _findReferences.CommandText =
            "SELECT path FROM Refs JOIN ValidPaths ON id = reference WHERE referrer = $id ORDER BY path";
        _findReferences.Parameters.Add("$id", SqliteType.Integer);
    }

    /// <summary>The directory that the paths name; where they lie on disk is <see cref="RealPath"/>.</summary>
    public StoreDirectory Directory { get; }

    /// <summary>Opens the store under a root.</summary>
    /// <param name="root"><c>/</c>, or the directory of a chroot store.</param>
    /// <param name="directory">The store directory where it is not <c>/nix/store</c>.</param>
    /// <exception cref="LocalStoreException">There is none, or it has another schema, or may not be read.</exception>
    public static LocalNixStore Open(string root, StoreDirectory? directory = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(root);
        string database = Path.Combine(root, "nix/var/nix/db/db.sqlite");
        if (!File.Exists(database))
        {
            throw new LocalStoreException($"'{root}' is not the root of a Nix store: there is no readable {database}.");
        }

        RequireSchema(Path.Combine(root, "nix/var/nix/db/schema"));
        var connection = LocalStoreDatabase.Open(database);
        try
        {
            return new LocalNixStore(root, directory ?? StoreDirectory.Default, connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Where the files of a path lie; whether they are there is not looked at.</summary>
    public string RealPath(StorePath path) => Path.Combine(_root, Directory.Path[1..], path.BaseName);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _findPath.Dispose();
            _findReferences.Dispose();
            _connection.Dispose();
        }
    }

    private static void RequireSchema(string file)
    {
        string schema;
        try
        {
            schema = File.ReadAllText(file).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new LocalStoreException($"The schema of the Nix store cannot be read from {file}: {exception.Message}", exception);
        }

        if (schema != SchemaSupported)
        {
            throw new LocalStoreException(
                $"The Nix store's database has schema '{schema}' ({file}); only {SchemaSupported} is supported, which Nix 2.0 and later use.");
        }
    }
}
