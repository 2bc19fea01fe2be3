using NixFuseStore.Client.Roots;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Roots;

/// <summary>Whose roots are whose, on a real server.</summary>
public sealed class StoreRootsTests : IAsyncDisposable
{
    private const string Name = "/nix/var/nix/gcroots/kept";

    private static readonly StorePath A = StorePath.ParseBaseName("00000000000000000000000000000000-a");
    private static readonly StorePath B = StorePath.ParseBaseName("11111111111111111111111111111111-b");
    private static readonly RootOwner Alice = new(1000);
    private static readonly RootOwner ContainersRoot = new(0, "mnt:[1]");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-roots-");
    private TestServer? _server;
    private ServerConnection? _connection;
    private StoreReader? _reader;

    public async ValueTask DisposeAsync()
    {
        if (_reader is not null)
        {
            await _reader.DisposeAsync();
        }

        _connection?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task PermanentRoot_OfAnotherUser_IsNotReplaced()
    {
        var roots = await StartAsync();
        await roots.AddPermanentAsync(A, Name, RootOwner.Root, ReaderExtensions.Token);

        foreach (var other in (RootOwner[])[Alice, ContainersRoot])
        {
            var refused = await Assert.ThrowsAsync<StoreClientException>(() => roots.AddPermanentAsync(B, Name, other, ReaderExtensions.Token));
            Assert.Contains("belongs to another user", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal([A], await TargetsAsync(roots, Name));
    }

    [Fact]
    public async Task PermanentRoot_OfAUser_IsNotReplacedByRootEither_AndSetAgainByItsOwner()
    {
        var roots = await StartAsync();
        await roots.AddPermanentAsync(A, Name, Alice, ReaderExtensions.Token);
        await Assert.ThrowsAsync<StoreClientException>(() => roots.AddPermanentAsync(B, Name, RootOwner.Root, ReaderExtensions.Token));
        await roots.AddPermanentAsync(B, Name, Alice, ReaderExtensions.Token);
        Assert.Equal([B], await TargetsAsync(roots, Name));
    }

    [Fact]
    public async Task PermanentRoots_OfTwoHosts_DoNotMeet()
    {
        var here = await StartAsync();
        var there = new StoreRoots(_reader!, "there");
        await here.AddPermanentAsync(A, Name, RootOwner.Root, ReaderExtensions.Token);
        await there.AddPermanentAsync(B, Name, Alice, ReaderExtensions.Token);
        Assert.Equal([A, B], await TargetsAsync(here, Name));
    }

    [Fact]
    public async Task IndirectRoots_OfEveryOwnerOnThisHost_FollowTheirLinks()
    {
        var roots = await StartAsync();
        var (one, two) = (Link("one", A), Link("two", A));
        Assert.True(await roots.AddIndirectAsync(one, new RootClient(RootOwner.Root, 0, 0), ReaderExtensions.Token));
        Assert.True(await roots.AddIndirectAsync(two, new RootClient(Alice, 0, 0), ReaderExtensions.Token));
        Assert.False(await roots.AddIndirectAsync(Path.Join(_folder.FullName, "absent"), default, ReaderExtensions.Token));

        File.Delete(one);
        File.Delete(two);
        Link("two", B);

        Assert.Empty(await TargetsAsync(roots, one));
        Assert.Equal([B], await TargetsAsync(roots, two));
    }

    private string Link(string name, StorePath target) =>
        File.CreateSymbolicLink(Path.Join(_folder.FullName, name), _reader!.Directory.Print(target)).FullName;

    private static async Task<StorePath[]> TargetsAsync(StoreRoots roots, string link) =>
        [.. (await roots.ListAsync(ReaderExtensions.Token)).Where(root => root.Link == link).Select(root => root.Target).Order()];

    private async Task<StoreRoots> StartAsync()
    {
        _server = await TestServer.StartAsync();
        _connection = _server.Connect();
        _reader = await _connection.OpenAsync();
        return new StoreRoots(_reader, "here");
    }
}
