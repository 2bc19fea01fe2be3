using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Every mistake at the command line gets one clear line, and leaves nothing behind.</summary>
public sealed class MountErrorTests : EndToEndTest
{
    [Fact]
    public void MountPoint_MissingNotEmptyOrBusy_IsOneClearLine()
    {
        var server = StartServer();
        var client = NewClient(server);
        var missing = Folder + "/missing";
        Assert.Contains(missing, client.Run("mount", missing, "--cache-dir", client.CacheDirectory).FailedWithOneLine(), StringComparison.Ordinal);

        File.WriteAllText(client.MountPoint + "/file", "");
        Assert.Contains("empty", client.TryMount().FailedWithOneLine(), StringComparison.OrdinalIgnoreCase);
        File.Delete(client.MountPoint + "/file");

        client.Mount();
        Assert.Contains(client.MountPoint, client.TryMount().FailedWithOneLine(), StringComparison.Ordinal);
    }

    [Fact]
    public void CacheDirectoryInUse_IsOneClearLine()
    {
        var server = StartServer();
        var client = NewClient(server);
        client.Mount();
        var second = Directory.CreateDirectory(Folder + "/second").FullName;

        Assert.Contains(client.CacheDirectory, client.Run("mount", second, "--cache-dir", client.CacheDirectory).FailedWithOneLine(), StringComparison.Ordinal);
    }

    [Fact]
    public void WrongServerAddressOrStore_IsOneClearLine()
    {
        var server = StartServer();
        var client = NewClient(server);
        Assert.Contains("127.0.0.1:9", client.Run("ls", "--server", "http://127.0.0.1:9").FailedWithOneLine(), StringComparison.Ordinal);
        Assert.Contains("absent", client.Run("ls", "--store", "absent").FailedWithOneLine(), StringComparison.Ordinal);
        Assert.Equal(2, client.Run("ls", "--no-such-option").Status);
        Assert.Equal(2, client.Run("mount").Status);
    }

    [Fact]
    public void BusyMount_IsNotUnmounted_AndSaysSo()
    {
        var server = StartServer();
        var client = NewClient(server);
        client.Mount();
        using (var user = Command.Start("sleep", ["60"]))
        {
            user.Kill();
            user.WaitForExit();
        }

        using var holder = Command.Start("sh", ["-c", "cd \"$0\" && exec sleep 60", client.Store]);
        Eventually.Holds("the holder sits in the mount", () =>
            new FileInfo($"/proc/{holder.Id}/cwd").LinkTarget == client.Store);
        client.Run("unmount", client.MountPoint).FailedWithOneLine();
        holder.Kill();
        holder.WaitForExit();
        client.Unmount();
    }

    /// <summary>A container or a service with mounts of its own may have a copy.</summary>
    [Fact]
    public void Unmounted_WhileAnotherNamespaceHasIt_SaysSo_AndGoesOnForThat()
    {
        var client = NewClient(StartServer());
        client.Mount();
        var processes = ProcessesOf(client);
        using var holder = Command.Start("unshare", ["--mount", "sleep", "60"]);
        Eventually.Holds("it has its own mounts", () => File.ReadAllText($"/proc/{holder.Id}/comm") == "sleep\n");

        var said = client.Run("unmount", client.MountPoint).Succeeded();

        Assert.Contains($"is unmounted here, and still in use in the mount namespace of process {holder.Id} (sleep)", said, StringComparison.Ordinal);
        Assert.False(client.IsMounted);
        Assert.True(client.Status().GetProperty("detached").GetBoolean());
        Command.Run("nsenter", "--mount", "--target", holder.Id.ToString(CultureInfo.InvariantCulture), "ls", client.Store).Succeeded();
        holder.Kill();
        holder.WaitForExit();
        Eventually.Holds("the client has ended", () => !processes.Any(Directory.Exists));
    }

    [Fact]
    public void UnmountedByOthers_EndsTheClient()
    {
        var client = NewClient(StartServer());
        client.Mount();
        var processes = ProcessesOf(client);

        Command.Run("umount", client.MountPoint).Succeeded();
        Eventually.Holds("the client has ended", () => !processes.Any(Directory.Exists));
    }

    private static string[] ProcessesOf(ClientHost client) =>
        [.. new[] { client.WorkerPid, client.SupervisorPid }.Select(static id => "/proc/" + id.ToString(CultureInfo.InvariantCulture))];
}
