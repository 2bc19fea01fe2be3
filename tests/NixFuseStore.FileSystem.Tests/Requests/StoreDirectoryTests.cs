using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Native.Linux;
using NixFuseStore.Testing.Fuse;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests.Requests;

public sealed class StoreDirectoryTests
{
    private static readonly FakeTree Tree = FakeTree.File("x");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Listing_WhileNamesComeAndGo_ShowsEveryLastingNameOnce(bool plus)
    {
        var reader = new FakeStoreReader();
        for (var i = 0; i < 300; i++)
        {
            reader.Add(TestPaths.Numbered(i * 10), Tree);
        }

        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        file.StartNotifications(kernel.Session.Notifier);

        var seen = new List<string>();
        var cookie = 0UL;
        for (var page = 0; ; page++)
        {
            var reply = await kernel.ReadDirectoryAsync(FixedNodes.Store, cookie, 4096, plus);
            var entries = plus ? reply.DirectoryPlus : reply.Directory;
            if (entries.Count == 0)
            {
                break;
            }

            seen.AddRange(entries.Select(entry => entry.Name));
            cookie = entries[^1].Cookie;

            // Before and behind where the listing stands; the name it stands on goes.
            reader.Add(TestPaths.Numbered((page * 10) + 1), Tree);
            reader.Add(TestPaths.Numbered(2995 - (page * 10)), Tree);
            reader.Remove(entries[^1].Name);
        }

        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.Equal([".", "..", .. seen.Skip(2).Order(StringComparer.Ordinal)], seen);
        Assert.Superset(Enumerable.Range(0, 300).Select(i => TestPaths.Numbered(i * 10)).ToHashSet(), seen.ToHashSet());
    }

    [Fact]
    public async Task Listing_OfNamesThatShareTheirHash_GoesOnBehindEachOfThem()
    {
        var reader = new FakeStoreReader();
        var names = Enumerable.Range(0, 200).Select(i => TestPaths.Numbered(5, $"same-{i:000}"))
            .Append(TestPaths.Numbered(4)).Append(TestPaths.Numbered(6)).Order(StringComparer.Ordinal).ToArray();
        foreach (var name in names)
        {
            reader.Add(name, Tree);
        }

        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();

        // From each cookie on, what is left comes in order: also when a program took only part of a page.
        var all = (await kernel.ReadDirectoryAsync(FixedNodes.Store, 2, 1 << 20, plus: false)).Directory;
        Assert.Equal(names, all.Select(entry => entry.Name));
        Assert.Equal(all.Count, all.Select(entry => entry.Cookie).Distinct().Count());
        for (var i = 0; i < all.Count; i++)
        {
            var rest = (await kernel.ReadDirectoryAsync(FixedNodes.Store, all[i].Cookie, 1 << 20, plus: false)).Directory;
            Assert.Equal(names.Skip(i + 1), rest.Select(entry => entry.Name));
        }
    }

    [Fact]
    public async Task Listing_FromACookieThatWasNeverGiven_IsAnError()
    {
        await using var file = new StoreFileSystem(new FakeStoreReader());
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        foreach (var cookie in (ulong[])[ulong.MaxValue, 1UL << 62, (1UL << 61) + 9])
        {
            Assert.Equal(Errno.EINVAL, (await kernel.ReadDirectoryAsync(FixedNodes.Store, cookie, 4096, plus: false)).Error);
        }
    }

    [Fact]
    public async Task Listing_FailsWithEio_WhenTheServerIsAway_AndNeedsNoRecords()
    {
        var reader = new FakeStoreReader();
        reader.Add(TestPaths.Hello, Tree);
        reader.Network = FakeStoreReader.Away;
        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        Assert.Equal(Errno.EIO, (await kernel.ReadDirectoryAsync(FixedNodes.Store, 0, 4096, plus: true)).Error);

        // Names arrive and records do not: names are enough.
        reader.Network = _ => reader.Questions.Last().StartsWith("find", StringComparison.Ordinal) ? FakeStoreReader.Away(default) : Task.CompletedTask;
        var entries = (await kernel.ReadDirectoryAsync(FixedNodes.Store, 0, 4096, plus: true)).DirectoryPlus;
        Assert.Equal([".", "..", TestPaths.Hello], entries.Select(entry => entry.Name));
        Assert.Equal(0u, entries[2].Entry!.Value.Node);
        Assert.Equal(8u, entries[2].Type);
    }

    [Fact]
    public async Task StatsInTheOrderOfTheListing_AreAskedForTogether()
    {
        var reader = new FakeStoreReader();
        var names = Enumerable.Range(0, 500).Select(i => TestPaths.Numbered(i)).ToArray();
        foreach (var name in names)
        {
            reader.Add(name, Tree);
        }

        await using var file = new StoreFileSystem(reader);
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        await kernel.ReadDirectoryAsync(FixedNodes.Store, 0, 4096, plus: false);
        reader.Questions.Clear();
        foreach (var name in names)
        {
            Assert.NotEqual(0u, (await kernel.LookupAsync(FixedNodes.Store, name)).Entry.Node);
        }

        Assert.InRange(reader.Questions.Count, 1, 12);
    }
}
