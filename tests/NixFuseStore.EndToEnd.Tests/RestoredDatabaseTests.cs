using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>A database that is restored from a backup while mounts go on.</summary>
public sealed class RestoredDatabaseTests : EndToEndTest
{
    [Fact]
    public void PathThatTheBackupLacks_StopsBeingReadable_ThoughTheDatabaseHasGrownSince()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server, "client");
        var writer = NewClient(server, "writer");
        var paths = store.PathsBySize().Where(path => store.Closure(path).Count == 1).Take(4).ToArray();
        Assert.Equal(4, paths.Length);
        var (kept, lost) = (paths[0], paths[1]);
        writer.Push(store, kept);
        server.Stop();
        var database = Assert.Single(Directory.GetFiles(server.DataDirectory, "metadata.sqlite"));
        File.Copy(database, database + ".backup");

        // 1. Both paths are read through the mount, so that everything that can be kept of them is.
        server.Start();
        writer.Push(store, lost);
        client.Mount();
        foreach (var path in new[] { kept, lost })
        {
            Assert.NotEmpty(Command.Run("find", client.Real(path), "-type", "f", "-exec", "cksum", "{}", "+").Succeeded());
        }

        // 2. The database goes back, and other paths make it grow beyond where it was.
        server.Stop();
        File.Copy(database + ".backup", database, overwrite: true);
        server.Start();
        writer.Push(store, paths[2]);
        writer.Push(store, paths[3]);

        // 3. The mount believes nothing of before.
        Eventually.Holds("the lost path is gone", () => !Path.Exists(client.Real(lost)));
        Assert.NotEqual(0, Command.Run("ls", client.Real(lost)).Status);
        Assert.NotEmpty(Command.Run("find", client.Real(kept), "-type", "f", "-exec", "cksum", "{}", "+").Succeeded());
        Assert.True(Path.Exists(client.Real(paths[3])));
    }
}
