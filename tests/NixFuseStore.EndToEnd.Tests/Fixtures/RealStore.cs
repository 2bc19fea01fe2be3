using System.Globalization;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>A genuine Nix store with real closures, which test.sh makes: the default one, or its mass rebuild.</summary>
internal sealed class RealStore
{
    private RealStore(string root) => Root = root;

    public string Root { get; }

    public string StoreFolder => Root + "/nix/store";

    public static RealStore Default => Open("NIXFUSE_TEST_STORE");

    public static RealStore Rebuilt => Open("NIXFUSE_TEST_REBUILT");

    /// <summary>The chroot store in a folder, which a test has made itself.</summary>
    public static RealStore At(string root) => new(root);

    /// <summary>Every valid path.</summary>
    public IReadOnlyList<string> AllPaths() => Query("SELECT path FROM ValidPaths ORDER BY path").Select(row => row[0]).ToArray();

    /// <summary>Paths that no other path refers to.</summary>
    public IReadOnlyList<string> TopLevel() => Query(
        "SELECT path FROM ValidPaths WHERE id NOT IN (SELECT reference FROM Refs WHERE referrer != reference) ORDER BY path").Select(row => row[0]).ToArray();

    /// <summary>The NAR hash that the database has for each path, as 64 hexadecimal digits.</summary>
    public IReadOnlyDictionary<string, string> NarHashes() =>
        Query("SELECT path, hash FROM ValidPaths").ToDictionary(row => row[0], row => row[1]["sha256:".Length..]);

    /// <summary>The smallest NAR first.</summary>
    public IReadOnlyList<string> PathsBySize() => Query("SELECT path FROM ValidPaths ORDER BY narSize").Select(row => row[0]).ToArray();

    public IReadOnlyList<string> Closure(string path) => Command.Run(
        "nix-store", ["--store", Root, "--query", "--requisites", path], new Dictionary<string, string> { ["NIX_REMOTE"] = "" })
        .Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The path of a package, such as "python3".</summary>
    public string Package(string name)
    {
        var path = AllPaths().FirstOrDefault(path =>
            path[44..].StartsWith(name + "-", StringComparison.Ordinal) && char.IsAsciiDigit(path[44 + name.Length + 1]));
        if (path is null)
        {
            Assert.Skip($"the real store has no {name}");
        }

        return path;
    }

    /// <summary>Paths have the same bytes in another store, read from its disk or mount by Nix itself.</summary>
    public void AssertSameContentIn(string root, IReadOnlyCollection<string> paths)
    {
        var expected = NarHashes();
        var found = Command.Run("nix-hash", ["--type", "sha256", .. paths.Select(path => root + path)], environment: null).Lines();
        Assert.Equal(paths.Select(path => (path, expected[path])), paths.Zip(found));
    }

    private static RealStore Open(string variable)
    {
        var root = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrEmpty(root) || !File.Exists(root + "/nix/var/nix/db/db.sqlite"))
        {
            Assert.Skip(string.Create(CultureInfo.InvariantCulture, $"needs a real store in {variable}; test.sh makes one"));
        }

        return new RealStore(root!);
    }

    private string[][] Query(string sql) => Command.Run("sqlite3", "-readonly", "-separator", "\t", Root + "/nix/var/nix/db/db.sqlite", sql)
        .Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).ToArray();
}
