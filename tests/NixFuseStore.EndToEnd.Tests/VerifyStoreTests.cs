using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary><c>nix-store --verify</c> through the socket, when something is wrong in the host's cache or at the server.</summary>
public sealed class VerifyStoreTests : EndToEndTest
{
    [Fact]
    public void DamagedCache_IsTold_AndRepairFetchesItAgain()
    {
        var server = StartServer();
        var host = NewClient(server, mountName: "nix");
        host.Mount();
        var (path, content) = Add(host);
        Assert.Equal(content, File.ReadAllBytes(host.Real(path)));
        DamageCache(host, 1_000_000);

        var told = Verify(host, "--check-contents");
        Assert.Equal(1, told.Status);
        Assert.Matches(@"[1-9]\d* of \d+ chunks in this host's cache are damaged", told.Errors);

        DamageCache(host, 2_000_000);
        var repaired = Verify(host, "--check-contents", "--repair");
        Assert.True(repaired.Status == 0, repaired.Errors);
        Assert.Contains("they are dropped, to be fetched again", repaired.Errors, StringComparison.Ordinal);

        // All of it is here again.
        server.Stop();
        Command.Run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches").Succeeded();
        Assert.Equal(content, File.ReadAllBytes(host.Real(path)));
    }

    [Fact]
    public void DamagedPack_IsTold_AndRepairSaysThatItCannot()
    {
        var server = StartServer();
        var here = NewClient(server, "here", mountName: "nix");
        here.Mount();
        var (path, _) = Add(here);
        here.Unmount();
        server.Stop();
        Damage(server.DataDirectory + "/packs", "*", 1_000_000);
        server.Start();
        var there = NewClient(server, "there", mountName: "nix");
        there.Mount();

        Assert.Equal(0, Verify(there).Status);
        var told = Verify(there, "--check-contents");
        Assert.Equal(1, told.Status);
        Assert.Contains($"path '{path}' cannot be checked", told.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("cannot be repaired", told.Errors, StringComparison.Ordinal);
        var repair = Verify(there, "--check-contents", "--repair");
        Assert.Equal(1, repair.Status);
        Assert.Contains("cannot be repaired from here", repair.Errors, StringComparison.Ordinal);
    }

    private static void DamageCache(ClientHost host, long position)
    {
        host.Unmount();
        Damage(host.CacheDirectory + "/chunks", "log.*", position);
        host.Mount();
    }

    private (string Path, byte[] Content) Add(ClientHost host)
    {
        Programs.Require("nix-store");
        var content = new byte[3_000_000];
        new Random(1).NextBytes(content);
        var file = Path.Combine(Scratch, "file");
        File.WriteAllBytes(file, content);
        return (Command.Run("nix-store", "--store", Url(host), "--add", file).Succeeded().Trim(), content);
    }

    private static CommandResult Verify(ClientHost host, params string[] options) =>
        Command.Run("nix-store", ["--store", Url(host), "--verify", .. options], environment: null);

    private static string Url(ClientHost host) =>
        $"unix://{host.MountPoint}/var/nix/daemon-socket/socket?root={Path.GetDirectoryName(host.MountPoint)}";

    /// <summary>Changes one byte of each file that is long enough.</summary>
    private static void Damage(string folder, string pattern, long position)
    {
        var files = Directory.GetFiles(folder, pattern, SearchOption.AllDirectories).Where(file => new FileInfo(file).Length > position).ToArray();
        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
            stream.Position = position;
            var value = stream.ReadByte();
            stream.Position = position;
            stream.WriteByte((byte)(value ^ 0x10));
        }
    }
}
