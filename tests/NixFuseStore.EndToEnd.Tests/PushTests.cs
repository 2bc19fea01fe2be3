using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>Pushes that meet each other, are cut off, or lose their server: afterwards every listed path is whole.</summary>
public sealed class PushTests : EndToEndTest
{
    [Fact]
    public async Task TwoPushersOfTheSameClosure_BothSucceed_AndEveryPathIsWhole()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var one = NewClient(server, "one");
        var two = NewClient(server, "two");
        var path = store.Package("git");

        var cancellation = TestContext.Current.CancellationToken;
        await Task.WhenAll(Task.Run(() => one.Push(store, path), cancellation), Task.Run(() => two.Push(store, path), cancellation));

        AssertListedPathsAreWhole(one, store, store.Closure(path).Count);
    }

    [Fact]
    public void KilledPusher_LeavesOnlyWholePaths_AndASecondPushCompletes()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server);
        var path = store.Package("gcc");
        using (var push = client.Start("push", "--from", store.Root, path))
        {
            Eventually.Holds("bytes arrive", () => push.HasExited || PackBytes(server) > 1 << 20);
            Assert.False(push.HasExited, "the push has ended before it could be killed");
            push.Kill();
            push.WaitForExit();
            Assert.Equal(128 + 9, push.ExitCode);
        }

        Assert.InRange(ListedPaths(client).Length, 0, store.Closure(path).Count - 1);
        AssertListedPathsAreWhole(client, store, atLeast: 0);
        client.Push(store, path);
        AssertListedPathsAreWhole(client, store, store.Closure(path).Count);
    }

    [Fact]
    public async Task ServerKilledInTheMiddle_PushGoesOnWhenItIsBack()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server);
        var path = store.Package("gcc");
        using (var push = client.Start("push", "--from", store.Root, path))
        {
            var errors = push.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var output = push.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            Eventually.Holds("bytes arrive", () => push.HasExited || PackBytes(server) > 1 << 20);
            server.Kill();
            Assert.False(push.HasExited, "the push has ended before the server was killed");
            Thread.Sleep(500);
            server.Start();
            Assert.True(push.WaitForExit(TimeSpan.FromMinutes(2)), "the push hangs");
            Assert.True(push.ExitCode == 0, await errors);
            await output;
        }

        AssertListedPathsAreWhole(client, store, store.Closure(path).Count);
    }

    [Fact]
    public void SecondPush_SendsNothing()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server);
        var path = store.Package("bash");
        client.Push(store, path);
        var before = PackBytes(server);

        client.Push(store, path);

        Assert.Equal(before, PackBytes(server));
    }

    internal static string[] ListedPaths(ClientHost client) =>
        client.Run("ls").Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ', '\t')[0]).ToArray();

    private static long PackBytes(ServerProcess server) =>
        Directory.EnumerateFiles(server.DataDirectory, "*", SearchOption.AllDirectories).Where(file => !file.Contains("sqlite", StringComparison.Ordinal))
            .Sum(file => new FileInfo(file) is { Exists: true } info ? info.Length : 0);

    private static void AssertListedPathsAreWhole(ClientHost client, RealStore store, int atLeast)
    {
        var listed = ListedPaths(client);
        Assert.True(listed.Length >= atLeast, $"{listed.Length} paths are listed, expected {atLeast}");
        var hashes = store.NarHashes();
        client.Mount();
        foreach (var name in listed)
        {
            var path = name.StartsWith('/') ? name : "/nix/store/" + name;
            var dump = Command.Run("sh", ["-c", "nix-store --dump \"$0\" | sha256sum", client.Real(path)], environment: null).Succeeded();
            Assert.Equal(hashes[path], dump[..64]);
        }

        client.Unmount();
    }
}
