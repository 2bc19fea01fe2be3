using Microsoft.Data.Sqlite;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.Nix.Tests.LocalStores;

/// <summary>Paths that are told to a store's database, as the installed Nix then sees them.</summary>
public sealed class LocalStoreRegistrationTests : IDisposable
{
    private const int Many = 300;

    private static readonly PathInfo Library = Describe(1) with { NarSize = 0 };
    private static readonly PathInfo Program = Describe(2) with { References = [Library.Path, Describe(2).Path] };

    private readonly TemporaryNixStore _nix = new();

    private string Folder => Path.Combine(_nix.Root, "nix/var/nix/db");

    public void Dispose() => _nix.Dispose();

    [Fact]
    public void Added_IsWhatLoadDbWrites()
    {
        _nix.Run("nix-store", "--store", _nix.Root, "--init");
        Assert.True(LocalStoreRegistration.IsPossible(Folder));
        LocalStoreRegistration.Add(Folder, StoreDirectory.Default, [Program, Library, .. Enumerable.Range(3, Many).Select(Describe)]);

        Assert.Equal(["big-lock", "db.sqlite", "reserved", "schema"], Directory.GetFiles(Folder).Select(Path.GetFileName).Order());
        string[] dump = _nix.Run("nix-store", "--store", _nix.Root, "--dump-db").Split('\n');
        int program = Array.IndexOf(dump, StoreDirectory.Default.Print(Program.Path));
        Assert.Equal(
            [Program.NarHash.ToHex(), "120", "", "2", StoreDirectory.Default.Print(Library.Path), StoreDirectory.Default.Print(Program.Path)],
            dump[(program + 1)..(program + 7)]);
        Assert.Equal(
            Many + 2, _nix.Run("nix-store", ["--store", _nix.Root, "--query", "--requisites", .. AllPaths()]).Split('\n').Length);

        using var store = LocalNixStore.Open(_nix.Root);
        var library = store.Find(Library.Path);
        Assert.Equal(0UL, library?.NarSize);
        Assert.False(library?.Ultimate);
        Assert.InRange(library!.RegistrationTime, 1_600_000_000, long.MaxValue);
    }

    [Fact]
    public void ReferenceThatIsNotThere_IsNamed()
    {
        _nix.Run("nix-store", "--store", _nix.Root, "--init");
        var refused = Assert.Throws<LocalStoreException>(() => LocalStoreRegistration.Add(Folder, StoreDirectory.Default, [Program]));
        Assert.Contains($"refers to {StoreDirectory.Default.Print(Library.Path)}", refused.Message, StringComparison.Ordinal);
        Assert.Equal("", _nix.Run("nix-store", "--store", _nix.Root, "--dump-db"));
    }

    [Theory]
    [InlineData("ALTER TABLE ValidPaths ADD COLUMN more text")]
    [InlineData("ALTER TABLE Refs ADD COLUMN more text")]
    [InlineData("INSERT INTO ValidPaths (path, hash, registrationTime) VALUES ('/nix/store/x', '', 1)")]
    [InlineData("DROP TABLE Refs")]
    public void DatabaseThatIsNotAsKnown_IsLeftAlone(string change)
    {
        _nix.Run("nix-store", "--store", _nix.Root, "--init");
        SystemSqlite.Load();
        using (var connection = new SqliteConnection($"Data Source={Folder}/db.sqlite;Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Constants, from above.
            command.CommandText = change;
#pragma warning restore CA2100
            command.ExecuteNonQuery();
        }

        Assert.False(LocalStoreRegistration.IsPossible(Folder));
    }

    [Fact]
    public void OtherSchema_IsLeftAlone()
    {
        Assert.False(LocalStoreRegistration.IsPossible(Folder));
        _nix.Run("nix-store", "--store", _nix.Root, "--init");
        File.WriteAllText(Path.Combine(Folder, "schema"), "11");
        Assert.False(LocalStoreRegistration.IsPossible(Folder));
    }

    private static string[] AllPaths() => [.. Enumerable.Range(1, Many + 2).Select(static i => StoreDirectory.Default.Print(Describe(i).Path))];

    private static PathInfo Describe(int number) => new()
    {
        Path = StorePath.ParseBaseName($"{number:D32}-path"),
        NarHash = NixHash.Sha256([(byte)number]),
        NarSize = 120,
    };
}
