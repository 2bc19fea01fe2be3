using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Databases;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Stock Nix through the daemon sockets of several hosts, whose store is one.</summary>
public sealed class DaemonSocketTests : EndToEndTest
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Added_OnOneHost_IsValidAndReadableOnTheOtherWithinASecond()
    {
        if (PostgresServer.WhyMissing is { } reason)
        {
            Assert.Skip(reason);
        }

        var store = RealStore.Default;
        await using var postgres = new PostgresServer();
        var hosts = Own(new HostPair());
        var database = new Uri(await postgres.CreateDatabaseAsync()).AbsolutePath[1..];
        using var server = new ServerProcess(Path.Combine(Folder, "server"), postgres.GetSocketUri(database), hosts);
        server.CreateStore("main");
        var token = server.CreateToken("write");
        server.Start();
        var (here, there) = (NixHost(server, "here", hosts, token), NixHost(server, "there", hosts, token));

        // 0. So that nothing is done for the first time where it is measured.
        var first = Path.Combine(Scratch, "first");
        await File.WriteAllTextAsync(first, "first", TestContext.Current.CancellationToken);
        first = Nix(here, "store", "add-file", first).Trim();
        Eventually.Within(TimeSpan.FromSeconds(10), "the first file is there", () => File.Exists(there.Real(first)));

        // 1. One file.
        var file = Path.Combine(Scratch, "file.txt");
        await File.WriteAllTextAsync(file, "added here", TestContext.Current.CancellationToken);
        var added = Nix(here, "store", "add-file", file).Trim();
        Eventually.Within(Second, "the file is readable on the other host", () => File.Exists(there.Real(added)));
        Assert.Equal("added here", await File.ReadAllTextAsync(there.Real(added), TestContext.Current.CancellationToken));
        Assert.Equal(added, Nix(there, "path-info", added).Trim());

        // 2. A program with all that it needs.
        var program = store.Package("python3");
        Nix(here, "copy", "--no-check-sigs", "--from", store.Root, program);
        Eventually.Within(Second, "the program is there", () => Directory.Exists(there.Real(program)) || File.Exists(there.Real(program)));
        var closure = Nix(there, "path-info", "-r", program).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(closure.Order(), Nix(here, "path-info", "-r", program).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
        Nix(there, "store", "verify", "--no-trust", "-r", program);
        Assert.False(Directory.Exists(Path.Combine(there.MountPoint, "var/nix/db")));
    }

    [Fact]
    public void Added_WhileTheServerIsKilledTwice_IsThereWholeAndOnce()
    {
        const int Clients = 16, FilesPerClient = 8;
        var server = StartServer();
        var here = NixHost(server, "here");
        var files = Enumerable.Range(0, 24).Select(i =>
        {
            // Every other one is small enough for the journal.
            var file = Path.Combine(Scratch, $"file-{i}");
            var bytes = new byte[i % 2 == 0 ? 500 : 60_000];
            new Random(i).NextBytes(bytes);
            File.WriteAllBytes(file, bytes);
            return file;
        }).ToArray();

        var clients = Enumerable.Range(0, Clients).Select(client => Task.Run(() =>
        {
            var succeeded = new List<(string File, string Path)>();
            for (var i = 0; i < FilesPerClient; i++)
            {
                var file = files[((client * 3) + i) % files.Length];
                var result = Command.Run("nix-store", "--store", Url(here), "--add", file);
                if (result.Status == 0)
                {
                    succeeded.Add((file, result.Output.Trim()));
                }
            }

            return succeeded;
        })).ToArray();
        for (var i = 0; i < 2; i++)
        {
            Thread.Sleep(TimeSpan.FromSeconds(1)); // somewhere in the middle of it all
            server.Kill();
            server.Start();
        }

        var all = clients.SelectMany(client => client.GetAwaiter().GetResult()).ToArray();

        Assert.NotEmpty(all);
        var there = NixHost(server, "there");
        foreach (var (file, path) in all.Distinct())
        {
            Eventually.Within(TimeSpan.FromSeconds(10), $"{path} is registered", () => File.Exists(there.Real(path)));
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(there.Real(path)));
        }

        var valid = Nix(there, "path-info", "--all").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(valid.Distinct().Order(), valid.Order());
        Assert.Equal(all.Select(one => one.File).Distinct().Count(), all.Select(one => one.Path).Distinct().Count());
        Nix(there, "store", "verify", "--no-trust", "--all");
    }

    [Fact]
    public void Added_WhileTheServerIsAway_IsRegisteredByTheNextMountOfAKilledClient()
    {
        var server = StartServer();
        var here = NixHost(server, "here");
        server.Stop();
        var added = Enumerable.Range(0, 5).Select(i =>
        {
            var file = Path.Combine(Scratch, $"small-{i}");
            File.WriteAllText(file, $"small {i}");
            return Command.Run("nix-store", "--store", Url(here), "--add", file).Succeeded().Trim();
        }).ToArray();
        Assert.Equal("small 3", File.ReadAllText(here.Real(added[3])));

        here.KillDaemon();
        server.Start();
        here.Mount();

        Assert.Equal("small 3", File.ReadAllText(here.Real(added[3])));
        var there = NixHost(server, "there");
        Eventually.Within(TimeSpan.FromSeconds(5), "all are registered", () => Array.TrueForAll(added, path => File.Exists(there.Real(path))));
        Assert.Equal(added.Order(), Nix(there, "path-info", "--all").Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
    }

    [Fact]
    public void Config_OfAMount_IsWhatNixNeeds()
    {
        var server = StartServer();
        var host = NixHost(server, "here");

        var config = host.Run("daemon-config", host.MountPoint).Succeeded();

        var store = config.Split('\n').Single(line => line.StartsWith("store = ", StringComparison.Ordinal))["store = ".Length..];
        var file = Path.Combine(Scratch, "file");
        File.WriteAllText(file, "added");
        var path = Command.Run("nix-store", ["--add", file], new Dictionary<string, string> { ["NIX_REMOTE"] = store }).Succeeded().Trim();
        Assert.Equal("added", File.ReadAllText(host.Real(path)));
        Assert.StartsWith("nixfuse: no nixfuse process serves", host.Run("daemon-config", "/nowhere").FailedWithOneLine(), StringComparison.Ordinal);
    }

    [Fact]
    public void Log_OfABuild_IsReadFromTheMount()
    {
        var server = StartServer();
        var (here, there) = (NixHost(server, "here"), NixHost(server, "there"));
        var expression = Path.Combine(Scratch, "d.nix");
        File.WriteAllText(expression, "derivation { name = \"logged\"; system = \"x86_64-linux\"; builder = \"/bin/sh\"; args = [ \"-c\" \"echo said; echo > $out\" ]; }");
        var derivation = Command.Run("nix-instantiate", "--store", Url(here), expression).Succeeded().Trim();
        var folder = Directory.CreateDirectory(Path.Combine(Scratch, "other/nix/var/log/nix/drvs", Path.GetFileName(derivation)[..2]));
        File.WriteAllText(Path.Combine(folder.FullName, Path.GetFileName(derivation)[2..]), "said\n");

        Nix(here, "store", "copy-log", "--from", Path.Combine(Scratch, "other"), derivation);

        Assert.Equal("said", Command.Run("nix-store", "--store", Url(there), "--read-log", derivation).Succeeded().Trim());
    }

    private ClientHost NixHost(ServerProcess server, string name, HostPair? hosts = null, string? token = null)
    {
        Programs.Require("nix");
        var host = NewClient(server, name, hosts, mountName: "nix");
        if (hosts is not null)
        {
            host.Token = token;
            host.MountArguments.AddRange(["--trusted-public-key", server.PublicKey()]);
        }

        host.Mount();
        return host;
    }

    private static string Nix(ClientHost host, params string[] arguments) => Command.Run(
        "nix", ["--extra-experimental-features", "nix-command", .. arguments, arguments[0] == "copy" || arguments[1] == "copy-log" ? "--to" : "--store", Url(host)], environment: null).Succeeded();

    private static string Url(ClientHost host) =>
        $"unix://{host.MountPoint}/var/nix/daemon-socket/socket?root={Path.GetDirectoryName(host.MountPoint)}";
}
