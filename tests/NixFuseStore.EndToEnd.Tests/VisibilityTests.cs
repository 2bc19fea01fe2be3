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
        var path = store.PathsBySize()[^1];
        reader.Mount();
        Assert.False(Path.Exists(reader.Real(path)));
        Assert.DoesNotContain(Path.GetFileName(path), Names(reader));

        writer.Push(store, path);

        Eventually.Within(Second, "lookup", () => Path.Exists(reader.Real(path)));
        Eventually.Within(Second, "listing", () => Names(reader).Contains(Path.GetFileName(path)));
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
        Eventually.Within(TimeSpan.FromSeconds(10), "reconnected", () => reader.Status().GetProperty("connected").GetBoolean());

        Eventually.Within(Second, "lookup", () => Path.Exists(reader.Real(path)));
        Eventually.Within(Second, "listing", () => Names(reader).Contains(Path.GetFileName(path)));
    }

    private static string[] Names(ClientHost client) => [.. Directory.EnumerateFileSystemEntries(client.Store).Select(entry => Path.GetFileName(entry)!)];
}
