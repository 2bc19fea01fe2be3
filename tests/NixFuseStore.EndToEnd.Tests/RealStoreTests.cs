using System.Security.Cryptography;
using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Databases;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>The real store and its mass rebuild on PostgreSQL, mounted by another host, byte for byte.</summary>
public sealed class RealStoreTests : EndToEndTest
{
    [Fact]
    public async Task Mount_OfTwoRealStores_IsEqualToTheSources()
    {
        if (PostgresServer.WhyMissing is { } reason)
        {
            Assert.Skip(reason);
        }

        var stores = new[] { RealStore.Default, RealStore.Rebuilt };
        Programs.Require("nix-store");
        var hosts = Own(new HostNetwork());
        await using var postgres = new PostgresServer();
        var database = new Uri(await postgres.CreateDatabaseAsync()).AbsolutePath[1..];
        using var server = new ServerProcess(Folder + "/server", postgres.GetSocketUri(database), hosts);
        server.CreateStore("main");
        using var client = NewClient(server, entering: hosts.Entering());
        client.Token = server.CreateToken("write");
        client.MountArguments.AddRange(["--trusted-public-key", server.PublicKey()]);
        server.Start();

        foreach (var store in stores)
        {
            client.Push(store, [.. store.TopLevel()]);
        }

        client.Token = server.CreateToken("read");
        client.Mount();
        foreach (var store in stores)
        {
            AssertNarHashes(client, store);
            Assert.Equal(Listing(store.StoreFolder, store), Listing(client.Store, store));
        }
    }

    private static void AssertNarHashes(ClientHost client, RealStore store)
    {
        var hashes = store.NarHashes();
        Assert.NotEmpty(hashes);
        foreach (var (path, hash) in hashes)
        {
            using var dump = Command.Start("nix-store", ["--dump", client.Real(path)]);
            var actual = Convert.ToHexStringLower(SHA256.HashData(dump.StandardOutput.BaseStream));
            var errors = dump.StandardError.ReadToEnd();
            Assert.True(dump.WaitForExit(TimeSpan.FromMinutes(1)) && dump.ExitCode == 0, $"nix-store --dump of {path}: {errors}");
            Assert.True(hash == actual, $"{path}: NAR hash {actual}, recorded {hash}");
        }
    }

    // Names, types, modes, mtimes, link targets, and sizes of files and links; a directory's size is the file system's own affair.
    private static string[] Listing(string folder, RealStore store)
    {
        var names = store.AllPaths().Select(path => path["/nix/store/".Length..]);
        var script = "cd \"$0\" && find \"$@\" \\( -type d -printf '%p %y %m %T@\\n' \\) -o -printf '%p %y %m %T@ %s %l\\n'";
        return Command.Run("sh", ["-c", script, folder, .. names], environment: null)
            .Succeeded().Split('\n').Order(StringComparer.Ordinal).ToArray();
    }
}
