using System.Text.RegularExpressions;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Tests.RealClients;

/// <summary>The real Nix of this machine against the server.</summary>
public sealed class NixCommandTests : IAsyncLifetime
{
    private readonly MemoryDaemonStore _store = new();
    private SocketDaemon _daemon = null!;
    private NixProgram _nix = null!;

    public ValueTask InitializeAsync()
    {
        Assert.SkipUnless(NixProgram.IsInstalled, "Nix is not installed");
        _daemon = new SocketDaemon(_store, TestDaemon.Trusting);
        _nix = new NixProgram(_daemon.Path);
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
        {
            _nix.Dispose();
            await _daemon.DisposeAsync();
        }
    }

    [Fact]
    public async Task Ping_Succeeds() => await _nix.RunAsync("nix", "store", "ping");

    [Fact]
    public async Task Add_OfFileAndDirectory_MakesThePathsThatNixComputes()
    {
        await File.WriteAllTextAsync(Path.Join(_nix.Home, "hello.txt"), "hello\n", TestContext.Current.CancellationToken);
        Assert.Equal(
            "/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt", await _nix.RunAsync("nix-store", "--add", "hello.txt"));
        Assert.Equal(
            "/nix/store/gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt", await _nix.RunAsync("nix-store", "--add-fixed", "sha256", "hello.txt"));
        Assert.Equal(
            "/nix/store/9a8mxachqmcv8x2cfijdps9dyxgyyrzm-hello.txt", await _nix.RunAsync("nix-store", "--add-fixed", "sha512", "hello.txt"));
        Assert.Equal(3, _store.Paths.Count);
        string json = await _nix.RunAsync("nix", "path-info", "--json", "/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt");
        Assert.Contains("04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw", json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Instantiate_ChainOfDerivations_RegistersThem()
    {
        await File.WriteAllTextAsync(
            Path.Join(_nix.Home, "chain.nix"),
            """
            let
              make = n: derivation {
                name = "link-${toString n}"; system = "x86_64-linux"; builder = "/bin/sh";
                args = [ "-c" "echo ${if n == 0 then "end" else make (n - 1)} > $out" ];
              };
            in make 20
            """,
            TestContext.Current.CancellationToken);
        string path = await _nix.RunAsync("nix-instantiate", "chain.nix");
        Assert.Equal(21, _store.Paths.Count);
        Assert.Contains(StoreDirectory.Default.Parse(path), _store.Paths);

        // Again, and a build that is refused.
        await _nix.RunAsync("nix-instantiate", "chain.nix");
        var (status, _, errors) = await _nix.TryAsync("nix-store", "--realise", path);
        Assert.Equal(1, status);
        Assert.Contains("this store does not build", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copy_FromAnotherStoreAndIntoOne_KeepsWhatIsRecorded()
    {
        await File.WriteAllTextAsync(Path.Join(_nix.Home, "one"), "one\n", TestContext.Current.CancellationToken);
        string local = Path.Join(_nix.Home, "local");
        string path = await _nix.RunAsync("nix-store", "--store", local, "--add", "one");
        await _nix.RunAsync("nix", "copy", "--no-check-sigs", "--from", local, "--to", _nix.Store, path);
        Assert.Equal([StoreDirectory.Default.Parse(path)], _store.Paths);
        const string Time = "\"registrationTime\":[0-9]+";
        Assert.Equal(
            Regex.Replace(await _nix.RunAsync("nix", "path-info", "--store", local, "--json", path), Time, ""),
            Regex.Replace(await _nix.RunAsync("nix", "path-info", "--json", path), Time, ""));
    }

    [Fact]
    public async Task Queries_OfAChain_AreAnswered()
    {
        await File.WriteAllTextAsync(
            Path.Join(_nix.Home, "two.nix"),
            """
            let leaf = builtins.toFile "leaf" "leaf";
            in builtins.toFile "stem" "on ${leaf}"
            """,
            TestContext.Current.CancellationToken);
        string stem = (await _nix.RunAsync("nix-instantiate", "--eval", "--read-write-mode", "two.nix")).Trim('"');
        string leaf = await _nix.RunAsync("nix-store", "--query", "--references", stem);
        Assert.EndsWith("-leaf", leaf, StringComparison.Ordinal);
        Assert.Equal([stem, leaf], (await _nix.RunAsync("nix-store", "--query", "--requisites", stem)).Split('\n').Order());
        Assert.Equal([stem, leaf], (await _nix.RunAsync("nix", "path-info", "-r", stem)).Split('\n').Order());
        Assert.Equal(stem, await _nix.RunAsync("nix-store", "--query", "--referrers", leaf));
        Assert.StartsWith("sha256:", await _nix.RunAsync("nix-store", "--query", "--hash", stem), StringComparison.Ordinal);
        Assert.Equal("", await _nix.RunAsync("nix-store", "--check-validity", stem, leaf));
        Assert.Contains(stem, await _nix.RunAsync("nix-store", "--dump-db"), StringComparison.Ordinal);
        Assert.Contains(stem, await _nix.RunAsync("nix-store", "--gc", "--print-dead"), StringComparison.Ordinal);
        Assert.Equal("", await _nix.RunAsync("nix-store", "--gc", "--print-live"));
        var (status, _, errors) = await _nix.TryAsync("nix-store", "--gc");
        Assert.Equal(1, status);
        Assert.Contains("its garbage is collected on its server", errors, StringComparison.Ordinal);
        await _nix.RunAsync("nix-store", "--optimise");
        var verified = await _nix.TryAsync("nix-store", "--verify");
        Assert.Contains("is broken", verified.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_OfAnExport_MakesThePathValid()
    {
        await File.WriteAllTextAsync(Path.Join(_nix.Home, "one"), "one\n", TestContext.Current.CancellationToken);
        string local = Path.Join(_nix.Home, "local");
        string path = await _nix.RunAsync("nix-store", "--store", local, "--add", "one");
        await _nix.RunAsync("sh", "-c", $"NIX_REMOTE={local} nix-store --export {path} > export && nix-store --import < export");
        Assert.Equal([StoreDirectory.Default.Parse(path)], _store.Paths);
    }

    [Fact]
    public async Task UntrustedClient_CopyingUnsignedPaths_IsRefusedClearly()
    {
        await using var distrusting = new SocketDaemon(_store, TestDaemon.Distrusting);
        using var nix = new NixProgram(distrusting.Path);
        byte[] large = new byte[4 * 1024 * 1024];
        await File.WriteAllBytesAsync(Path.Join(nix.Home, "one"), large, TestContext.Current.CancellationToken);
        string local = Path.Join(nix.Home, "local");
        string path = await nix.RunAsync("nix-store", "--store", local, "--add", "one");

        // Loading what was dumped forgets the content address, as if the path had been built.
        await nix.RunAsync("sh", "-c", $"export NIX_REMOTE={local}; nix-store --dump-db > db && nix-store --load-db < db");
        var copied = await nix.TryAsync("nix", "copy", "--no-check-sigs", "--from", local, "--to", nix.Store, path);
        Assert.Equal(1, copied.Status);
        Assert.Contains("lacks a signature by a trusted key", copied.Errors, StringComparison.Ordinal);
        var imported = await nix.TryAsync("sh", "-c", $"NIX_REMOTE={local} nix-store --export {path} | nix-store --import");
        Assert.NotEqual(0, imported.Status);
        Assert.Contains("lacks a signature by a trusted key", imported.Errors, StringComparison.Ordinal);
        Assert.Empty(_store.Paths);
    }
}
