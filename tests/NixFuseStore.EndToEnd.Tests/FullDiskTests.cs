using System.Security.Cryptography;
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>A full disk loses nothing, and space that comes back is used again.</summary>
public sealed class FullDiskTests : EndToEndTest
{
    [Fact]
    public void FullDiskUnderTheCache_ReadersGoOn()
    {
        var store = RealStore.Default;
        var path = store.Package("nodejs");
        var server = StartServer();
        var client = NewClient(server);
        client.Push(store, path);
        using var disk = new SmallDisk(client.CacheDirectory, megabytes: 48);
        disk.Fill();
        client.Mount();

        AssertSameFiles(store, client, path);

        disk.Free();
        Eventually.Within(TimeSpan.FromSeconds(90), "the cache takes chunks again", () =>
        {
            Command.Run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches").Succeeded();
            AssertSameFiles(store, client, store.Package("bash"), push: true);
            return client.Status().GetProperty("cache").GetProperty("entries").GetInt64() > 0;
        });
        client.Unmount();
    }

    [Fact]
    public void CacheDirectoryThatCannotEvenBeMade_TheMountWorks_AndTheCacheComesBackWithSpace()
    {
        var store = RealStore.Default;
        var path = store.Package("bash");
        var server = StartServer();
        var disk = Directory.CreateDirectory(Path.Combine(Folder, "disk")).FullName;
        var client = Own(new ClientHost(Directory.CreateDirectory(Path.Combine(Folder, "client")).FullName, server)
        {
            CacheDirectory = Path.Combine(disk, "cache"),
        });
        client.Push(store, path);

        // The root of the file system takes the one inode that there is.
        Command.Run("mount", "-t", "tmpfs", "-o", "nr_inodes=1", "nixfuse-test", disk).Succeeded();
        try
        {
            client.Mount();
            AssertSameFiles(store, client, path);
            Assert.Contains("No space left", client.Status().GetProperty("cache").GetProperty("bypassReason").GetString(), StringComparison.Ordinal);

            Command.Run("mount", "-o", "remount,nr_inodes=1000", disk).Succeeded();
            Eventually.Holds("the cache takes chunks", () =>
            {
                Command.Run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches").Succeeded();
                AssertSameFiles(store, client, path);
                return client.Status().GetProperty("cache").GetProperty("entries").GetInt64() > 0;
            });
            client.Unmount();
        }
        finally
        {
            Command.Run("umount", "--lazy", disk);
        }
    }

    [Fact]
    public void FullDiskUnderThePacks_RefusesThePush_AndTakesItWhenThereIsSpace()
    {
        var store = RealStore.Default;
        var path = store.Package("nodejs");
        var data = Directory.CreateDirectory(Folder + "/server").FullName;
        using var disk = new SmallDisk(data, megabytes: 200);
        using var server = new ServerProcess(data).Start();
        using var client = NewClient(server);
        disk.Fill(keepMegabytes: 12);

        var error = client.Run("push", "--from", store.Root, path).FailedWithOneLine();
        Assert.Matches("(?i)full|space", error);
        client.Run("ls").Succeeded();

        disk.Free();
        client.Push(store, path);
        client.Mount();
        AssertSameFiles(store, client, path);
        client.Unmount();
        server.Stop();
    }

    private static void AssertSameFiles(RealStore store, ClientHost client, string path, bool push = false)
    {
        if (push)
        {
            client.Push(store, path);
        }

        var real = store.Root + path;
        foreach (var file in Directory.EnumerateFiles(real, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).LinkTarget is null))
        {
            Assert.True(
                SHA256.HashData(File.ReadAllBytes(file)).SequenceEqual(SHA256.HashData(File.ReadAllBytes(client.Real(path) + file[real.Length..]))),
                $"{file}: other bytes in the mount");
        }
    }
}
