using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>What one host adds is on every other host's mount within a second.</summary>
public sealed class VisibilityTests : EndToEndTest
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void NewPath_AppearsWithinASecond_AlsoWhereItWasLookedUpBefore()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var reader = NewClient(server, "reader");
        var writer = NewClient(server, "writer");
        var pushed = new HashSet<string>();
        reader.Mount();

        Eventually.OnceWithin(Second, _ =>
        {
            var path = store.PathsBySize().Last(path => !pushed.Contains(path));
            Assert.False(Path.Exists(reader.Real(path)));
            Assert.DoesNotContain(Path.GetFileName(path), Names(reader));

            writer.Push(store, path);
            pushed.UnionWith(store.Closure(path));

            return Eventually.Holds("lookup", () => Path.Exists(reader.Real(path)))
                + Eventually.Holds("listing", () => Names(reader).Contains(Path.GetFileName(path)));
        });
    }

    [Fact]
    public void NewPath_AppearsAfterTheClientWasCutOff()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var reader = NewClient(server, "reader");
        var writer = NewClient(server, "writer");
        var path = store.PathsBySize()[0];
        reader.Mount();
        Assert.False(Path.Exists(reader.Real(path)));
        Assert.DoesNotContain(Path.GetFileName(path), Names(reader));

        server.Kill();
        Assert.Throws<IOException>(() => File.ReadAllBytes(reader.Real("/nix/store/00000000000000000000000000000000-x")));
        server.Start();
        writer.Push(store, path);
        Eventually.Holds("reconnected", () => reader.Status().GetProperty("connected").GetBoolean());

        Eventually.Holds("lookup", () => Path.Exists(reader.Real(path)));
        Eventually.Holds("listing", () => Names(reader).Contains(Path.GetFileName(path)));
    }

    [Fact]
    public void RevokedPath_IsGoneWithinASecond_WithWhatRefersToIt()
    {
        var store = RealStore.Default;
        var server = StartServer();
        var client = NewClient(server, mountName: "nix");
        var program = store.Package("git");
        var library = store.Closure(program).First(path => path != program);
        client.Push(store, program);
        client.Mount();
        Assert.True(Path.Exists(client.Real(library)));
        Assert.Contains(Path.GetFileName(program), Names(client));

        var refused = server.Run("path", "revoke", "main", library);
        Assert.Equal(1, refused.Status);
        Assert.Contains("refer to these paths", refused.Errors);
        Assert.Contains("is not valid in main", server.Run("path", "revoke", "main", library, "00000000000000000000000000000000-x").Errors);
        Assert.True(Path.Exists(client.Real(library)));

        Eventually.OnceWithin(Second, _ =>
        {
            server.Run("path", "revoke", "main", library, "--with-referrers").Succeeded();
            var gone = Eventually.Holds("the path is gone", () => !Path.Exists(client.Real(library)))
                + Eventually.Holds("its referrer is gone", () => !Names(client).Contains(Path.GetFileName(program)));

            client.Push(store, program);
            var back = Eventually.Holds("it is back", () => Path.Exists(client.Real(library)));
            Eventually.Holds("its referrer is back", () => Names(client).Contains(Path.GetFileName(program)));
            return gone > back ? gone : back;
        });
        store.AssertSameContentIn(Path.GetDirectoryName(client.MountPoint)!, [library, program]);
    }

    private static string[] Names(ClientHost client) => [.. Directory.EnumerateFileSystemEntries(client.Store).Select(entry => Path.GetFileName(entry)!)];
}
