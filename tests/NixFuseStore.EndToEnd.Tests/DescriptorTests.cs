using System.Diagnostics;
using System.Globalization;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>A client process that has no descriptors left serves its mount all the same, and recovers.</summary>
public sealed class DescriptorTests : EndToEndTest
{
    [Fact]
    public void IdleClients_MoreThanThereAreDescriptors_LeaveTheMountAlone()
    {
        var client = Limited(1024);
        client.Mount();
        var socket = client.MountPoint + "/var/nix/daemon-socket/socket";
        Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, "add-text", "before")).Succeeded();

        using (var holder = Hold(socket, 1500))
        {
            Thread.Sleep(TimeSpan.FromSeconds(3)); // several rounds of every timer of the client
            Assert.NotEmpty(Directory.GetFileSystemEntries(client.Store));
            Assert.True(client.Status().GetProperty("connected").GetBoolean());
            Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, "add-text", "meanwhile")).Succeeded();
            Release(holder);
        }

        Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, "add-text", "afterwards")).Succeeded();
        client.Unmount();
        Assert.False(client.IsMounted);
    }

    [Fact]
    public void NoDescriptorAtAll_ForAWhile_EndsNothing()
    {
        var client = NewClient(StartServer(), mountName: "nix");
        client.Mount();
        var socket = client.MountPoint + "/var/nix/daemon-socket/socket";
        Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, "add-text", "before")).Succeeded();
        var process = client.Status().GetProperty("workerPid").GetInt32().ToString(CultureInfo.InvariantCulture);

        // Below what is open already: whatever the process opens fails from now on.
        Command.Run("prlimit", "--pid", process, "--nofile=8:").Succeeded();
        using (var holder = Hold(socket, 20))
        {
            Thread.Sleep(TimeSpan.FromSeconds(7)); // the slowest timer comes every five seconds
            Assert.True(Directory.Exists("/proc/" + process), "the client process has ended");
            Assert.NotEmpty(Directory.GetFileSystemEntries(client.Store));
            Release(holder);
        }

        Command.Run("prlimit", "--pid", process, "--nofile=4096:").Succeeded();
        Eventually.Holds("the control socket answers", () => client.Run("status", "--json").Output.Contains(client.MountPoint, StringComparison.Ordinal));
        Command.Run("/usr/bin/env", DoorClient.Words("daemon", socket, "add-text", "afterwards")).Succeeded();
        client.Unmount();
    }

    [Fact]
    public void LimitThatIsTooLow_IsOneClearLine_AndNothingIsMounted()
    {
        var client = Limited(64);

        Assert.Contains("may open 64 files", client.TryMount().FailedWithOneLine(), StringComparison.Ordinal);
        Assert.False(client.IsMounted);
    }

    private ClientHost Limited(int limit) =>
        NewClient(StartServer(), entering: ["prlimit", string.Create(CultureInfo.InvariantCulture, $"--nofile={limit}:{limit}")], mountName: "nix");

    private static Process Hold(string socket, int count)
    {
        string[] words = ["prlimit", "--nofile=4096:4096", .. DoorClient.Words("hold", socket, count.ToString(CultureInfo.InvariantCulture))];
        var holder = Command.Start(words[0], words[1..], withInput: true);
        Assert.StartsWith("holding", holder.StandardOutput.ReadLine(), StringComparison.Ordinal);
        return holder;
    }

    private static void Release(Process holder)
    {
        holder.StandardInput.Close();
        holder.WaitForExit();
    }
}
