using System.Diagnostics;
using Microsoft.Data.Sqlite;
using NixFuseStore.Nix.LocalStores;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Testing.LocalStores;

/// <summary>
/// A chroot Nix store in a temporary directory, made without Nix: files, and a db.sqlite of schema 10. Paths are added in memory and
/// written by <see cref="Save"/>. Not for several threads.
/// </summary>
public sealed class FakeLocalStore : IDisposable
{
    private const string Schema = """
        CREATE TABLE ValidPaths (id integer primary key autoincrement not null, path text unique not null, hash text not null,
            registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text);
        CREATE TABLE Refs (referrer integer not null, reference integer not null, primary key (referrer, reference));
        CREATE INDEX IndexReferrer on Refs(referrer);
        CREATE INDEX IndexReference on Refs(reference);
        """;

    private readonly List<PathInfo> _added = [];
    private int _temporaryNames;

    public FakeLocalStore()
    {
        Root = Directory.CreateTempSubdirectory("fake-store-").FullName;
        Directory.CreateDirectory(Path.Combine(Root, "nix/store"));
        Directory.CreateDirectory(Path.Combine(Root, "nix/var/nix/db"));
        File.WriteAllText(Path.Combine(Root, "nix/var/nix/db/schema"), "10");
        Execute(connection => Command(connection, Schema).ExecuteNonQuery());
    }

    /// <summary>The root to open the store with.</summary>
    public string Root { get; }

    /// <summary>Adds a file.</summary>
    public PathInfo AddFile(string name, byte[] contents, params StorePath[] references) =>
        Add(name, path => File.WriteAllBytes(path, contents), references);

    /// <summary>Adds whatever <paramref name="write"/> makes at the path it is given.</summary>
    public PathInfo Add(string name, Action<string> write, params StorePath[] references)
    {
        ArgumentNullException.ThrowIfNull(write);
        string temporary = Path.Combine(Root, $"adding-{_temporaryNames++}");
        write(temporary);
        using var hasher = new NarHasher();
        FileTreeWalker.Walk(temporary, hasher, CancellationToken.None);
        ulong size = hasher.Size;
        var hash = hasher.Finish();
        var address = new ContentAddress(ContentAddressMethod.Nar, hash);
        var path = StorePathComputation.MakeFixed(StoreDirectory.Default, name, address, references);
        string real = RealPath(path);
        if (Directory.Exists(temporary))
        {
            Directory.Move(temporary, real);
        }
        else
        {
            File.Move(temporary, real);
        }

        var info = new PathInfo
        {
            Path = path,
            NarHash = hash,
            NarSize = size,
            References = [.. references.Order()],
            ContentAddress = references.Length == 0 ? address : null,
            RegistrationTime = 1_700_000_000,
        };
        _added.Add(info);
        return info;
    }

    public string RealPath(StorePath path) => Path.Combine(Root, "nix/store", path.BaseName);

    /// <summary>Records what was added since the last time.</summary>
    public void Save() => Execute(connection =>
    {
        using var transaction = connection.BeginTransaction();
        foreach (var info in _added)
        {
            using var insert = Command(
                connection,
                "INSERT INTO ValidPaths (path, hash, registrationTime, deriver, narSize, ca) VALUES ($path, $hash, $time, $deriver, $size, $ca)",
                ("$path", StoreDirectory.Default.Print(info.Path)),
                ("$hash", $"sha256:{info.NarHash.ToHex()}"),
                ("$time", info.RegistrationTime),
                ("$deriver", info.Deriver is { } deriver ? StoreDirectory.Default.Print(deriver) : DBNull.Value),
                ("$size", (long)info.NarSize),
                ("$ca", (object?)info.ContentAddress?.ToString() ?? DBNull.Value));
            insert.ExecuteNonQuery();
            foreach (var reference in info.References)
            {
                using var link = Command(
                    connection,
                    "INSERT INTO Refs SELECT a.id, b.id FROM ValidPaths a, ValidPaths b WHERE a.path = $referrer AND b.path = $reference",
                    ("$referrer", StoreDirectory.Default.Print(info.Path)),
                    ("$reference", StoreDirectory.Default.Print(reference)));
                link.ExecuteNonQuery();
            }
        }

        transaction.Commit();
        _added.Clear();
    });

    public void Dispose()
    {
        using var chmod = Process.Start("chmod", ["-R", "u+w", Root]);
        chmod.WaitForExit();
        Directory.Delete(Root, recursive: true);
    }

    private void Execute(Action<SqliteConnection> action)
    {
        SystemSqlite.Load();
        using var connection = new SqliteConnection($"Data Source={Path.Combine(Root, "nix/var/nix/db/db.sqlite")};Pooling=False");
        connection.Open();
        action(connection);
    }

    private static SqliteCommand Command(SqliteConnection connection, string text, params (string Name, object Value)[] values)
    {
        var command = connection.CreateCommand();
#pragma warning disable CA2100 // Only this class calls it, with constants.
        command.CommandText = text;
#pragma warning restore CA2100
        foreach (var (name, value) in values)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }
}
