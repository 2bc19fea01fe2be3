using System.Diagnostics;
using NixFuseStore.EndToEnd.Tests.Fixtures;
using NixFuseStore.Testing.Faults;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>A disk under the cache that gives errors, or no answer: readers have the server, and the cache keeps what it has.</summary>
public sealed class CacheFaultTests : EndToEndTest
{
    [Theory]
    [InlineData("openat", "EMFILE", "checkpoint")]
    [InlineData("pread64,read", "EIO", "checkpoint")]
    public void OpeningFailsOnce_TheCacheKeepsEverything(string calls, string error, string file)
    {
        RequireFaults();
        var store = RealStore.Default;
        var client = Filled(store, store.Package("bash"));
        var entries = Entries(client);
        client.Unmount();

        var fault = SystemCallFault.Fails(calls, error, CallRange.Only(1), Path.Combine(client.CacheDirectory, "chunks", file));
        using (var mount = Command.Start(
            "strace", [.. SystemCallFaults.CommandLine(fault, Programs.Nixfuse, "mount", "--foreground", client.MountPoint, "--cache-dir", client.CacheDirectory).Skip(1)], client.Environment))
        {
            Eventually.Holds("the cache is used again", () => IsServing(client) && Entries(client) == entries);
            client.Unmount();
            Assert.True(mount.WaitForExit(TimeSpan.FromSeconds(60)), "the client did not end");
            Assert.DoesNotContain("starts empty", mount.StandardError.ReadToEnd(), StringComparison.Ordinal);
        }

        client.Mount();
        Eventually.Holds("everything is there", () => Entries(client) == entries);
        client.Unmount();
    }

    [Fact]
    public void DiskHangs_ReadersGoOnFromTheServer_AndTheCacheIsUsedAgain()
    {
        RequireFaults();
        var store = RealStore.Default;
        var path = store.Package("nodejs");
        var client = Filled(store, path);
        client.Unmount();
        client.Mount();
        Eventually.Holds("the cache is open", () => Entries(client) > 0);
        var id = client.Status().GetProperty("workerPid").GetInt32();
        Command.Run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches").Succeeded();

        using (SystemCallFaults.Attach(id, SystemCallFault.Hangs("pread64,preadv", TimeSpan.FromSeconds(90), Path.Combine(client.CacheDirectory, "chunks/log.0"))))
        {
            var started = Stopwatch.GetTimestamp();
            AssertSameFiles(store, client, path);
            var took = Stopwatch.GetElapsedTime(started);
            TestContext.Current.TestOutputHelper?.WriteLine($"read everything in {took}");
            Assert.True(took < TimeSpan.FromSeconds(60), $"reading took {took}: reads waited for the disk one after another");
            var cache = client.Status().GetProperty("cache");
            Assert.Equal("the disk does not answer", cache.GetProperty("bypassReason").GetString());
        }

        Eventually.Holds("the cache is used again", () =>
        {
            Command.Run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches").Succeeded();
            AssertSameFiles(store, client, path);
            var cache = client.Status().GetProperty("cache");
            return cache.GetProperty("bypassReason").GetString() is null && cache.GetProperty("diskHits").GetInt64() > 0;
        });
        Assert.Equal(0, client.Status().GetProperty("cache").GetProperty("corrupt").GetInt64());
        client.Unmount();
    }

    private static void RequireFaults()
    {
        if (SystemCallFaults.WhyMissing is { } why)
        {
            Assert.Skip(why);
        }
    }

    // The mount is there a moment before its process answers.
    private static bool IsServing(ClientHost client) => client.Run("status").Output.Contains(client.MountPoint + "\n", StringComparison.Ordinal);

    private static long Entries(ClientHost client) => client.Status().GetProperty("cache").GetProperty("entries").GetInt64();

    /// <summary>A mounted client that has read a closure's top path, so that its cache holds it.</summary>
    private ClientHost Filled(RealStore store, string path)
    {
        var client = NewClient(StartServer());
        client.Push(store, path);
        client.Mount();
        AssertSameFiles(store, client, path);
        Eventually.Holds("the cache holds something", () => Entries(client) > 0);
        return client;
    }

    private static void AssertSameFiles(RealStore store, ClientHost client, string path) =>
        Command.Run("diff", "-r", "--no-dereference", store.Root + path, client.Real(path)).Succeeded();
}
