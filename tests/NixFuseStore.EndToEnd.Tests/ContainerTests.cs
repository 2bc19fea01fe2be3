using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>One mount on the host serves its containers, which need neither a network nor a client of their own.</summary>
public sealed class ContainerTests : EndToEndTest
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void Program_OfThePassedMount_RunsInAContainerThatHasNothingElse()
    {
        Container.Require();
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server);
        var python = store.Package("python3");
        client.Push(store, python);
        client.Mount();

        var container = NewContainer(client, [python + "/bin/python3", "-c", "import json, ssl, sqlite3; print(json.loads('true'))"]);

        Assert.Equal("True\n", container.Run().Succeeded());
    }

    [Fact]
    public void NewPath_AppearsInARunningContainerWithinASecond()
    {
        Container.Require();
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server);
        var python = store.Package("python3");
        var pushed = store.Closure(python).ToHashSet();
        client.Push(store, python);
        client.Mount();
        Eventually.OnceWithin(Second, attempt =>
        {
            var added = store.PathsBySize().First(path => !pushed.Contains(path));
            pushed.UnionWith(store.Closure(added));
            return TimeToAppear(store, client, python, added, $"/container{attempt}");
        });
    }

    [Fact]
    public void StockNix_InAContainer_AddsThroughTheMountsSocket()
    {
        Container.Require();
        Programs.Require("nix-store");
        var server = StartServer();
        var client = NewClient(server);
        client.Mount();
        var container = NewContainer(client, ["/usr/bin/env", "NIX_REMOTE=daemon", "nix-store", "--add", "/tmp/file"], withHostPrograms: true);
        File.WriteAllText(container.Temporary + "/file", "from a container");

        var added = container.Run().Lines()[^1];

        Assert.Equal("from a container", File.ReadAllText(client.Real(added)));
    }

    [Fact]
    public void StockNix_InAContainer_HasTheHostBuild()
    {
        Container.Require();
        Programs.Require("nix-build");
        Programs.Require("nix-daemon");
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server);
        var bash = store.Package("bash");
        client.Push(store, bash);
        client.Mount();
        string[] build = ["/usr/bin/env", "NIX_REMOTE=daemon", "nix-build", "/tmp/expression.nix", "--no-out-link"];
        var container = NewContainer(client, build, withHostPrograms: true);
        File.WriteAllText(
            container.Temporary + "/expression.nix",
            $$"""
            derivation {
              name = "greeting-{{Guid.NewGuid():N}}";
              system = builtins.currentSystem;
              builder = "${builtins.storePath {{bash}}}/bin/bash";
              args = [ "-c" "echo built for a container > $out; :" ];
            }
            """);

        var built = container.Run().Lines()[^1];

        Assert.Equal("built for a container\n", File.ReadAllText(client.Real(built)));
    }

    private TimeSpan TimeToAppear(RealStore store, ClientHost client, string python, string added, string folder)
    {
        var script = $"""
            import os, time
            assert not os.path.lexists('{added}')
            open('/tmp/waiting', 'w').close()
            for _ in range(6000):
                if os.path.lexists('{added}'): break
                time.sleep(0.01)
            else: raise SystemExit(1)
            open('/tmp/seen', 'w').close()
            """;
        var container = NewContainer(client, [python + "/bin/python3", "-c", script], folder: folder);
        using var running = container.Start();
        Eventually.Holds("the container waits", () => File.Exists(container.Temporary + "/waiting"));

        client.Push(store, added);

        var took = Eventually.Holds("the container sees it", () => File.Exists(container.Temporary + "/seen"));
        Assert.True(running.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, running.ExitCode);
        return took;
    }

    private Container NewContainer(ClientHost client, string[] command, bool withHostPrograms = false, string folder = "/container") =>
        Own(new Container(Directory.CreateDirectory(Folder + folder).FullName, client.MountPoint, command, withHostPrograms));
}
