using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Paths that are not here come from a static binary cache, by way of the server, into every mount.</summary>
public sealed class PullThroughTests : EndToEndTest
{
    public static TheoryData<string> Suites => NixRelease.Suites;

    [Theory]
    [MemberData(nameof(Suites))]
    public void PathUpstream_IsRealisedThroughTheSocket_AndStaysWhenUpstreamIsGone(string suite)
    {
        // 1. A static cache of two closures, signed by somebody whom the store trusts.
        var store = RealStore.Default;
        var (fetched, later) = (store.Package("bash"), store.PathsBySize().First(path => store.Closure(path).Count == 1));
        var nix = NewHost(suite, "uploader");
        nix.Run(Folder, ["nix-store", "--generate-binary-cache-key", "upstream-1", Folder + "/secret", Folder + "/public"]).Succeeded();
        nix.Run(store.Root, ["nix", "copy", "--to", $"file://{Folder}/cache?compression=xz&secret-key={Folder}/secret", fetched, later]).Succeeded();
        var upstream = Own(new StaticServer(Folder + "/cache", Folder + "/nginx"));

        // 2. A store that names it, and a host that knows of nothing but the store.
        var server = StartServer();
        server.Run("store", "set", "main", "--upstream", upstream.Url, "--trusted-public-key", File.ReadAllText(Folder + "/public").Trim()).Succeeded();
        var client = NewClient(server, mountName: "nix");
        client.Mount();
        var daemon = $"unix://{client.MountPoint}/var/nix/daemon-socket/socket?root={Path.GetDirectoryName(client.MountPoint)}";
        var host = NewHost(suite, "host");
        Assert.DoesNotContain(client.Real(fetched), Directory.GetFileSystemEntries(client.Store));

        // 3. The first use brings it, with all that it refers to.
        host.Run(daemon, ["nix-store", "--realise", fetched]).Succeeded();
        var hashes = store.NarHashes();
        foreach (var path in store.Closure(fetched))
        {
            Assert.Equal(hashes[path], Command.Run("nix-hash", "--type", "sha256", client.Real(path)).Lines()[0]);
        }

        // 4. Without the upstream, what is here is here, and what is not is told so at once.
        upstream.Dispose();
        host.Run(daemon, ["nix-store", "--realise", fetched]).Succeeded();
        host.Run(daemon, ["nix-store", "--verify-path", fetched]).Succeeded();
        var missing = host.Run(daemon, ["nix-store", "--realise", later]);
        Assert.NotEqual(0, missing.Status);
        Assert.DoesNotContain("   at ", missing.Errors, StringComparison.Ordinal);
    }

    /// <summary>However it is asked for, what only an upstream cache has comes, with all that it refers to; and what nobody has is absent.</summary>
    [Theory]
    [InlineData("lookup")]
    [InlineData("prefetch")]
    [InlineData("info")]
    [InlineData("http")]
    public void PathUpstream_ComesByEveryDoor(string door)
    {
        var store = RealStore.Default;
        var wanted = store.Package("bash");
        var nix = NewHost(NixRelease.Bookworm, "uploader");
        nix.Run(Folder, ["nix-store", "--generate-binary-cache-key", "upstream-1", Folder + "/secret", Folder + "/public"]).Succeeded();
        nix.Run(store.Root, ["nix", "copy", "--to", $"file://{Folder}/cache?compression=zstd&secret-key={Folder}/secret", wanted]).Succeeded();
        var upstream = Own(new StaticServer(Folder + "/cache", Folder + "/nginx"));
        var server = StartServer();
        server.Run("store", "set", "main", "--upstream", upstream.Url, "--trusted-public-key", File.ReadAllText(Folder + "/public").Trim()).Succeeded();
        var client = NewClient(server, mountName: "nix");
        client.Mount();

        switch (door)
        {
            case "lookup":
                // Until it is there, every try ends in an error that is no absence.
                Eventually.Holds("the path is there", () =>
                {
                    var tried = Command.Run("stat", client.Real(wanted));
                    Assert.DoesNotContain("No such file", tried.Errors, StringComparison.Ordinal);
                    return tried.Status == 0;
                });
                break;
            case "prefetch":
                client.Run("prefetch", wanted, "--cache-dir", client.CacheDirectory).Succeeded();
                break;
            case "info":
                Assert.Contains(wanted, client.Run("info", wanted).Succeeded(), StringComparison.Ordinal);
                break;
            default:
                Command.Run("curl", "-sf", $"{server.Url}/main/{Path.GetFileName(wanted)[..32]}.narinfo").Succeeded();
                break;
        }

        var hashes = store.NarHashes();
        foreach (var path in store.Closure(wanted))
        {
            Assert.Equal(hashes[path], Command.Run("nix-hash", "--type", "sha256", client.Real(path)).Lines()[0]);
        }

        Assert.Contains("No such file", Command.Run("stat", client.Store + "/00000000000000000000000000000000-nobody-has-it").Errors, StringComparison.Ordinal);
    }

    private NixClient NewHost(string suite, string name) =>
        new(NixRelease.Open(suite), Directory.CreateDirectory(Path.Combine(Folder, name)).FullName);
}
