using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Databases;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>
/// Two hosts, each with a network, a mount as its /nix and a stock Nix of its own, and one store on PostgreSQL between them. Neither has a
/// Nix database: all that Nix finds at /nix/var/nix is the socket.
/// </summary>
public sealed class TwoHostTests : EndToEndTest, IAsyncLifetime
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private PostgresServer? _postgres;
    private ServerProcess? _server;

    /// <inheritdoc/>
    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Dispose();
        if (_postgres is not null)
        {
            await _postgres.DisposeAsync();
        }
    }

    [Fact]
    public async Task AddedFile_OnOneHost_IsValidAndReadableOnTheOtherWithinASecond()
    {
        var (here, there) = await StartAsync();
        Eventually.OnceWithin(Second, attempt =>
        {
            var file = Path.Combine(Scratch, "file.txt");
            File.WriteAllText(file, $"added here, try {attempt}");
            var expected = new NixClient(NixRelease.Open(NixRelease.Bookworm), Scratch)
                .Run(Path.Combine(Folder, "aside"), ["nix", "store", "add-file", file]).Succeeded().Trim();
            Assert.NotEqual(0, there.Run("nix", "path-info", expected).Status);

            Assert.Equal(expected, here.Run("nix", "store", "add-file", file).Succeeded().Trim());

            var took = Eventually.Holds("the file is valid on the other host", () => there.Run("nix", "path-info", expected).Status == 0);
            Assert.Equal($"added here, try {attempt}", there.Run("cat", expected).Succeeded());
            there.Run("nix-store", "--verify-path", expected).Succeeded();
            there.AssertWithoutDatabase();
            return took;
        });
    }

    [Fact]
    public async Task CopiedProgram_ToOneHost_RunsOnTheOther()
    {
        var (here, there) = await StartAsync();
        var store = RealStore.Default;
        var program = store.Package("python3");

        here.Run("nix", "copy", "--no-check-sigs", "--from", store.Root, program).Succeeded();

        Eventually.Holds("the program is valid on the other host", () => there.Run("nix", "path-info", program).Status == 0);
        Assert.Equal("5\n", there.Run(program + "/bin/python3", "-c", "print(2 + 3)").Succeeded());
        var closure = there.Run("nix-store", "--query", "--requisites", program).Lines();
        Assert.Equal(store.Closure(program).Order(), closure.Order());
        there.Run("nix-store", ["--verify-path", .. closure]).Succeeded();
        there.AssertWithoutDatabase();
    }

    [Fact]
    public async Task Signature_AddedOnOneHost_ShowsOnTheOtherWithinASecond()
    {
        var (here, there) = await StartAsync();
        var file = Path.Combine(Scratch, "file.txt");
        await File.WriteAllTextAsync(file, "signed here", TestContext.Current.CancellationToken);
        var path = here.Run("nix", "store", "add-file", file).Succeeded().Trim();
        Eventually.Holds("the file is valid on the other host", () => there.Run("nix", "path-info", path).Status == 0);

        Eventually.OnceWithin(Second, attempt =>
        {
            var name = $"other-{attempt}";
            Assert.False(Shows());
            var key = Path.Combine(Scratch, name);
            here.Run("nix-store", "--generate-binary-cache-key", name, key, key + ".public").Succeeded();

            here.Run("nix", "store", "sign", "--key-file", key, path).Succeeded();

            return Eventually.Holds("the signature shows on the other host", Shows);

            bool Shows() => there.Run("nix", "path-info", "--sigs", path).Succeeded().Contains(name + ":", StringComparison.Ordinal);
        });
    }

    private async Task<(Host Here, Host There)> StartAsync()
    {
        if (PostgresServer.WhyMissing is { } reason)
        {
            Assert.Skip(reason);
        }

        var release = NixRelease.Open(NixRelease.Bookworm);
        var network = Own(new HostNetwork(clients: 2));
        _postgres = new PostgresServer();
        var database = new Uri(await _postgres.CreateDatabaseAsync()).AbsolutePath[1..];
        _server = Own(new ServerProcess(Path.Combine(Folder, "server"), _postgres.GetSocketUri(database), network));
        _server.CreateStore("main");
        var token = _server.CreateToken("write");
        _server.Start();
        var (here, there) = (Start("here", 0), Start("there", 1));

        // A server that has just started compiles the code of its first registration, which takes most of a second.
        var first = Path.Combine(Scratch, "first.txt");
        await File.WriteAllTextAsync(first, "the first of all", TestContext.Current.CancellationToken);
        var path = here.Run("nix", "store", "add-file", first).Succeeded().Trim();
        Eventually.Holds("the first file is valid on the other host", () => there.Run("nix", "path-info", path).Status == 0);
        return (here, there);

        Host Start(string name, int number)
        {
            var client = NewClient(_server, name, network.Entering(number), mountName: "nix");
            client.Token = token;
            client.MountArguments.AddRange(["--trusted-public-key", _server.PublicKey()]);
            client.Mount();
            return new Host(new NixClient(release, Directory.CreateDirectory(Path.Combine(Folder, name, "user")).FullName, client.Launcher));
        }
    }

    private sealed class Host(NixClient nix)
    {
        /// <summary>A command on this host, whose Nix is told no more than that there is a daemon.</summary>
        public CommandResult Run(string program, params string[] arguments) => nix.Run("daemon", [program, .. arguments]);

        public void AssertWithoutDatabase()
        {
            Assert.Equal("daemon-socket\n", Run("ls", "/nix/var/nix").Succeeded());
            Assert.Empty(Directory.EnumerateFiles(nix.Folder, "db.sqlite", SearchOption.AllDirectories));
        }
    }
}
