using System.Diagnostics;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.LocalStores;

namespace NixFuseStore.Nix.Tests.LocalStores;

public sealed class LocalNixStoreTests : IDisposable
{
    private readonly TemporaryNixStore _nix = new();

    public void Dispose() => _nix.Dispose();

    [Fact]
    public void Find_PathThatNixAdded_IsItsRecord()
    {
        var path = _nix.Add("hello.txt", "hello\n");
        using var store = LocalNixStore.Open(_nix.Root);
        var info = store.Find(path);

        Assert.NotNull(info);
        Assert.Equal("i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt", info.Path.BaseName);
        Assert.Equal("1c37d01af40be2e80691de3cc3df44377a699afbb17c68f080964b2fd071fc13", info.NarHash.ToHex());
        Assert.Equal(120UL, info.NarSize);
        Assert.Empty(info.References);
        Assert.Null(info.Deriver);
        Assert.Equal(ContentAddressMethod.Nar, info.ContentAddress?.Method);
        Assert.InRange(info.RegistrationTime, 1_600_000_000, long.MaxValue);
        Assert.Equal("hello\n", File.ReadAllText(store.RealPath(path)));
    }

    [Fact]
    public void Find_PathThatIsNotValid_IsNull()
    {
        _nix.Add("hello.txt", "hello\n");
        using var store = LocalNixStore.Open(_nix.Root);
        Assert.Null(store.Find(StorePath.ParseBaseName("nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt")));
    }

    [Fact]
    public void Closure_OfTexts_HasReferencedPathsFirst()
    {
        const string Base = """${builtins.toFile "base" "b"}""";
        const string Both = "${builtins.toFile \"left\" \"l " + Base + "\"} ${builtins.toFile \"right\" \"r " + Base + "\"}";
        var top = _nix.AddText("top", Both);
        using var store = LocalNixStore.Open(_nix.Root);
        var closure = store.Closure([top]);

        Assert.Equal(["base", "left", "right", "top"], closure.Select(info => info.Path.Name).Order());
        Assert.Equal("base", closure[0].Path.Name);
        Assert.Equal(top, closure[^1].Path);
        Assert.Equal(2, closure[^1].References.Count);
        Assert.Equal(closure[^1].References.Order(), closure[^1].References);
        Assert.Equal(4, store.All().Count);
    }

    [Fact]
    public void Closure_OfAPathThatIsNotValid_NamesIt()
    {
        _nix.Add("hello.txt", "hello\n");
        using var store = LocalNixStore.Open(_nix.Root);
        var exception = Assert.Throws<LocalStoreException>(
            () => store.Closure([StorePath.ParseBaseName("nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt")]));
        Assert.Contains("/nix/store/nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt is not valid", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_RecordWithEverything_IsReadWhole()
    {
        var path = _nix.Add("hello.txt", "hello\n");
        var key = NixSecretKey.Generate("k-1");
        var other = NixSecretKey.Generate("k-2");
        string deriver = "/nix/store/kf3myksh69b2qrdkjv8nwfj9wcl7pqs2-d1.drv";
        Sql($"UPDATE ValidPaths SET deriver = '{deriver}', ultimate = 1, ca = NULL, sigs = '{key.Sign("x"u8)} {other.Sign("y"u8)}'");
        Sql("INSERT INTO Refs SELECT id, id FROM ValidPaths");

        using var store = LocalNixStore.Open(_nix.Root);
        var info = store.Find(path)!;
        Assert.Equal(deriver, StoreDirectory.Default.Print(info.Deriver!.Value));
        Assert.True(info.Ultimate);
        Assert.Null(info.ContentAddress);
        Assert.Equal(["k-1", "k-2"], info.Signatures.Select(signature => signature.KeyName));
        Assert.Equal([path], info.References);
        Assert.Single(store.Closure([path]));
    }

    [Fact]
    public void Open_WhileNixKeepsTheDatabaseOpen_SeesWhatIsCommitted()
    {
        _nix.Add("hello.txt", "hello\n");
        using var store = LocalNixStore.Open(_nix.Root);
        var later = _nix.Add("later.txt", "later\n");
        Assert.NotNull(store.Find(later));
    }

    [Fact]
    public void NarHashes_OfAllPaths_AreThoseOfTheDatabase()
    {
        _nix.Add("hello.txt", "hello\n");
        _nix.AddText("text", "some text");
        using var store = LocalNixStore.Open(_nix.Root);
        foreach (var info in store.All())
        {
            using var hasher = new NarHasher();
            FileTreeWalker.Walk(store.RealPath(info.Path), hasher, TestContext.Current.CancellationToken);
            Assert.Equal(info.NarSize, hasher.Size);
            Assert.Equal(info.NarHash, hasher.Finish());
        }
    }

    [Fact]
    public void Open_DirectoryWithoutAStore_SaysSo()
    {
        var exception = Assert.Throws<LocalStoreException>(() => LocalNixStore.Open("/tmp/no/such/store"));
        Assert.Contains("'/tmp/no/such/store' is not the root of a Nix store", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_OtherSchema_SaysWhich()
    {
        _nix.Add("hello.txt", "hello\n");
        File.WriteAllText(Path.Combine(_nix.Root, "nix/var/nix/db/schema"), "11");
        var exception = Assert.Throws<LocalStoreException>(() => LocalNixStore.Open(_nix.Root));
        Assert.Contains("schema '11'", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not a database at all, but long enough to be looked at by SQLite as if it were one")]
    [InlineData("")]
    public void Open_FileThatIsNoDatabase_SaysSo(string contents)
    {
        _nix.Add("hello.txt", "hello\n");
        File.WriteAllText(Path.Combine(_nix.Root, "nix/var/nix/db/db.sqlite"), contents);
        var exception = Assert.Throws<LocalStoreException>(() => LocalNixStore.Open(_nix.Root));
        Assert.Contains("db.sqlite cannot be read", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Fact]
    public void Sqlite_IsTheSystemsLibrary()
    {
        _nix.Add("hello.txt", "hello\n");
        using var store = LocalNixStore.Open(_nix.Root);
        Assert.Contains(File.ReadLines("/proc/self/maps"), line => line.Contains("/libsqlite3.so", StringComparison.Ordinal));
    }

    private void Sql(string statement)
    {
        using var process = Process.Start("sqlite3", [Path.Combine(_nix.Root, "nix/var/nix/db/db.sqlite"), statement]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
