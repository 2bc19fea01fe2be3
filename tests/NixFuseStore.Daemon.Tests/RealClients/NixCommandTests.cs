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
}
