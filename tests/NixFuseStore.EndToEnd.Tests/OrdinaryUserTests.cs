using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>A mount by a user who is not root: through fusermount3, with the daemon's socket in the user's runtime directory.</summary>
public sealed class OrdinaryUserTests : EndToEndTest
{
    [Fact]
    public void StockNix_UsesTheSocketBesideTheMount()
    {
        var server = StartServer();
        var user = Own(new OrdinaryUser());
        var host = Mount(server, user);
        var nix = new NixClient(NixRelease.Open(NixRelease.Bookworm), user.MakeFolder("nix"), user.Entering);
        OrdinaryUser.Give(Directory.CreateDirectory(Path.Combine(nix.Folder, "home")).FullName);
        var file = Path.Combine(nix.Folder, "file");
        File.WriteAllText(file, "added");

        var config = host.Run("daemon-config", host.MountPoint).Succeeded();
        var store = config.Split('\n').Single(line => line.StartsWith("store = ", StringComparison.Ordinal))["store = ".Length..];
        var path = nix.Run(store, ["nix-store", "--add", file]).Succeeded().Trim();

        Assert.StartsWith($"unix://{user.RuntimeDirectory}/nixfuse/daemon/", store, StringComparison.Ordinal);
        Assert.Equal("added", user.Run("cat", host.Real(path)).Succeeded());
        Assert.Equal(path, nix.Run(store, ["nix", "path-info", path]).Succeeded().Trim());
        nix.Run(store, ["nix-store", "--verify-path", path]).Succeeded();
        var other = NewClient(server, "other");
        other.Token = host.Token;
        other.Mount();
        Eventually.Holds("the other host has the file", () => File.Exists(other.Real(path)));
        Assert.Equal("added", File.ReadAllText(other.Real(path)));
    }

    [Fact]
    public void Socket_IsTheUsersAlone_AndGoesWithTheMount()
    {
        var user = Own(new OrdinaryUser());
        var host = Mount(StartServer(), user);
        var socket = host.Status().GetProperty("daemonSocket").GetString()!;

        user.Run("test", "-S", socket).Succeeded();
        Assert.NotEqual(0, Command.Run("setpriv", "--reuid", "65533", "--regid", "65533", "--clear-groups", "test", "-S", socket).Status);
        var config = host.Run("daemon-config", host.MountPoint).Succeeded();
        Assert.Contains($"--env NIX_REMOTE=unix:///run/nixfuse/{Path.GetFileName(socket)} --volume {Path.GetDirectoryName(socket)}:/run/nixfuse:ro", config, StringComparison.Ordinal);

        host.Unmount();
        Assert.False(host.IsMounted);
        Assert.Empty(Directory.EnumerateFiles(user.RuntimeDirectory, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Mount_AfterAKill_TakesTheSocketOver()
    {
        var user = Own(new OrdinaryUser());
        var host = Mount(StartServer(), user);
        var before = host.Status().GetProperty("daemonSocket").GetString();
        host.KillDaemon();

        host.Mount();

        Assert.Equal(before, host.Status().GetProperty("daemonSocket").GetString());
        Assert.Contains("answers", host.Run("daemon-config", host.MountPoint).Succeeded(), StringComparison.Ordinal);
    }

    [Fact]
    public void RuntimeDirectory_OfSomebodyElse_IsRefused()
    {
        var user = Own(new OrdinaryUser());
        var trap = Directory.CreateDirectory(Path.Combine(user.RuntimeDirectory, "nixfuse"));
        trap.UnixFileMode = (UnixFileMode)0b111_111_111;
        var server = StartServer();
        var host = Own(new ClientHost(user.MakeFolder("host"), server, user.Entering, "nix"));
        host.Token = server.CreateToken("write");
        OrdinaryUser.Give(host.MountPoint);

        Assert.Contains("belongs to another user", host.TryMount().FailedWithOneLine(), StringComparison.Ordinal);
        Assert.False(host.IsMounted);
    }

    [Fact]
    public void HelperThatNeverReturns_IsStopped_WithOneLine()
    {
        var user = Own(new OrdinaryUser());
        var programs = user.MakeFolder("programs");
        File.WriteAllText(programs + "/fusermount3", "#!/bin/sh\nexec sleep 300\n");
        File.SetUnixFileMode(programs + "/fusermount3", (UnixFileMode)0b111_101_101);
        var server = StartServer();
        var host = Own(new ClientHost(user.MakeFolder("host"), server, [.. user.Entering, "env", $"PATH={programs}:/usr/bin:/bin"], "nix"));
        host.Token = server.CreateToken("read");
        OrdinaryUser.Give(host.MountPoint);

        Assert.Contains("fusermount3", host.TryMount().FailedWithOneLine(), StringComparison.Ordinal);
        Assert.False(host.IsMounted);
    }

    private ClientHost Mount(ServerProcess server, OrdinaryUser user)
    {
        var host = Own(new ClientHost(user.MakeFolder("host"), server, user.Entering, "nix"));
        host.Token = server.CreateToken("write");
        OrdinaryUser.Give(host.MountPoint);
        host.Mount();
        return host;
    }
}
