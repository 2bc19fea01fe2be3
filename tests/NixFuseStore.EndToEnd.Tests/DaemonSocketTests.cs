using System.Diagnostics;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Stock Nix through the daemon sockets of several hosts, whose store is one.</summary>
public sealed class DaemonSocketTests : EndToEndTest
{
    [Fact]
    public void AddOfAPipe_IsOneLineThatNamesIt()
    {
        var host = NixHost(StartServer(), "here");
        var folder = Directory.CreateDirectory(Path.Combine(Scratch, "folder")).FullName;
        File.WriteAllBytes(folder + "/before", new byte[300_000]);
        Command.Run("mkfifo", folder + "/pipe").Succeeded();

        foreach (var given in (string[])[folder, folder + "/pipe"])
        {
            var added = Command.Run("nix-store", "--store", Url(host), "--add", given);
            Assert.Equal(1, added.Status);
            Assert.Equal($"error: file '{folder}/pipe' has an unsupported type", added.Errors.Trim());
        }

        Command.Run("nix-store", "--store", Url(host), "--add", folder + "/before").Succeeded();
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
            var failed = new List<string>();
            for (var i = 0; i < FilesPerClient; i++)
            {
                var file = files[((client * 3) + i) % files.Length];
                var result = Command.Run("nix-store", "--store", Url(here), "--add", file);
                if (result.Status == 0)
                {
                    succeeded.Add((file, result.Output.Trim()));
                }
                else
                {
                    failed.Add(result.Errors);
                }
            }

            // A server that is away for a second is waited for: none of the clients is to notice.
            Assert.Empty(failed);
            return succeeded;
        })).ToArray();
        for (var i = 0; i < 2; i++)
        {
            Thread.Sleep(TimeSpan.FromSeconds(1)); // somewhere in the middle of it all
            server.Kill();
            server.Start();
        }

        var all = clients.SelectMany(client => client.GetAwaiter().GetResult()).ToArray();

        Assert.Equal(Clients * FilesPerClient, all.Length);
        var there = NixHost(server, "there");
        foreach (var (file, path) in all.Distinct())
        {
            Eventually.Holds($"{path} is registered", () => File.Exists(there.Real(path)));
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
        Eventually.Holds("all are registered", () => Array.TrueForAll(added, path => File.Exists(there.Real(path))));
        Assert.Equal(added.Order(), Nix(there, "path-info", "--all").Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
    }

    [Fact]
    public void TemporaryRoots_OfACommand_GoWithIt()
    {
        var server = StartServer();
        var here = NixHost(server, "here");
        var file = Path.Combine(Scratch, "file");
        File.WriteAllText(file, "kept");
        var path = Command.Run("nix-store", "--store", Url(here), "--add", file).Succeeded().Trim();
        var export = Path.Combine(Scratch, "export");
        Command.Run("sh", "-c", $"nix-store --store '{Url(here)}' --export {path} >{export}").Succeeded();
        Eventually.Holds("the commands' roots are gone", () => !Roots(here).Contains(path, StringComparison.Ordinal));

        // Two commands that have imported the path, and wait for what comes next on their standard input. One ends, the other is killed.
        using var first = Import();
        using var second = Import();
        Eventually.Holds("both keep the path", () => Roots(here).Contains(path, StringComparison.Ordinal));
        first.StandardInput.Close();
        Assert.True(first.WaitForExit(TimeSpan.FromSeconds(60)));
        Thread.Sleep(TimeSpan.FromSeconds(2));
        Assert.Contains(path, Roots(here), StringComparison.Ordinal);

        second.Kill();
        Eventually.Holds("the path is not kept any more", () => !Roots(here).Contains(path, StringComparison.Ordinal));
        Assert.Contains(path, Command.Run("nix-store", "--store", Url(here), "--gc", "--print-dead").Succeeded(), StringComparison.Ordinal);

        Process Import()
        {
            var import = Command.Start("nix-store", ["--store", Url(here), "--import"], withInput: true);
            import.StandardInput.BaseStream.Write(File.ReadAllBytes(export).AsSpan(..^sizeof(ulong)));
            import.StandardInput.BaseStream.Flush();
            return import;
        }
    }

    [Fact]
    public void Additions_UnderAReadOnlyToken_AreRefusedUnlessTheyAreValid()
    {
        var server = StartServer();
        var (write, read) = (server.CreateToken("write"), server.CreateToken("read"));
        var (here, there) = (NixHost(server, "here", write), NixHost(server, "there", read));
        var (known, other) = (Path.Combine(Scratch, "known"), Path.Combine(Scratch, "other"));
        File.WriteAllBytes(known, new byte[100_000]);
        File.WriteAllText(other, "other");
        const string Derivation = "derivation { name = \"known\"; system = \"x\"; builder = \"/bin/sh\"; text = ./known; }";
        var expression = Path.Combine(Scratch, "d.nix");
        File.WriteAllText(expression, Derivation);
        var path = Run(here, "nix-store", "--add", known).Succeeded();
        var derivation = Run(here, "nix-instantiate", expression).Succeeded();
        Eventually.Holds("the derivation is registered", () => File.Exists(there.Real(derivation.Trim())));

        // 1. What is valid can be added, so that a runner can evaluate; and its roots are not worth a failure.
        Assert.Equal(path, Run(there, "nix-store", "--add", known).Succeeded());
        Assert.Equal(derivation, Run(there, "nix-instantiate", expression).Succeeded());
        Nix(there, "copy", "--no-check-sigs", "--from", Url(here), path.Trim());
        var realised = Run(there, "nix-store", "--realise", path.Trim(), "--add-root", Path.Combine(Scratch, "root"));
        Assert.True(Path.Exists(there.Real(path.Trim())));
        Assert.Equal(0, realised.Status);
        Assert.Contains("is not recorded", realised.Errors, StringComparison.Ordinal);

        // 2. Nothing else can, and nothing is left of the attempts.
        AssertRefused(Run(there, "nix-store", "--add", other));
        AssertRefused(Run(there, "nix-store", "--add-fixed", "sha256", other));
        File.WriteAllText(expression, Derivation.Replace("known\"", "new\"", StringComparison.Ordinal));
        AssertRefused(Run(there, "nix-instantiate", expression));
        var elsewhere = Path.Combine(Scratch, "elsewhere");
        var foreign = Command.Run("nix-store", "--store", elsewhere, "--add", other).Succeeded().Trim();
        AssertRefused(Command.Run("nix", "--extra-experimental-features", "nix-command", "copy", "--no-check-sigs", "--from", elsewhere, "--to", Url(there), foreign));
        Command.Run("nix-store", "--generate-binary-cache-key", "k-1", Path.Combine(Scratch, "key"), Path.Combine(Scratch, "public")).Succeeded();
        AssertRefused(Command.Run(
            "nix", "--extra-experimental-features", "nix-command", "store", "sign", "--store", Url(there), "--key-file", Path.Combine(Scratch, "key"), path.Trim()));
        Assert.Equal(
            new[] { path.Trim(), derivation.Trim() }.Order(), Nix(there, "path-info", "--all").Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());

        CommandResult Run(ClientHost host, params string[] command) => Command.Run(command[0], ["--store", Url(host), .. command[1..]], environment: null);

        static void AssertRefused(CommandResult result)
        {
            Assert.Equal(1, result.Status);
            Assert.Matches("error: .*may only read the store|may read store 'main' but not write", result.Errors);
        }
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

    private ClientHost NixHost(ServerProcess server, string name, string? token = null)
    {
        Programs.Require("nix");
        var host = NewClient(server, name, mountName: "nix");
        host.Token = token;
        host.Mount();
        return host;
    }

    private static string Nix(ClientHost host, params string[] arguments) => Command.Run(
        "nix", ["--extra-experimental-features", "nix-command", .. arguments, arguments[0] == "copy" || arguments[1] == "copy-log" ? "--to" : "--store", Url(host)], environment: null).Succeeded();

    private static string Roots(ClientHost host) => Command.Run("nix-store", "--store", Url(host), "--gc", "--print-roots").Succeeded();

    private static string Url(ClientHost host) =>
        $"unix://{host.MountPoint}/var/nix/daemon-socket/socket?root={Path.GetDirectoryName(host.MountPoint)}";
}
