using NixFuseStore.Client.Paths;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>A reader against a real server.</summary>
public sealed class StoreReaderTests() : ReaderTest(1)
{
    [Fact]
    public async Task Read_SmallFile_GivesItsBytes()
    {
        var path = Source.Path("hello", SourceEntry.Directory(("bin", SourceEntry.Directory(("hello", SourceEntry.File("Hello!"))))));
        await Server.PushAsync(path);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();

        Assert.Equal("Hello!"u8.ToArray(), await reader.ReadFileAsync(path, "bin/hello"));
    }

    [Fact]
    public async Task Read_RandomRangesOfRandomTrees_EqualTheSource()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var source = new SourceStore(seed);
        var paths = new List<SourcePath>();
        for (var i = 0; i < 4; i++)
        {
            paths.Add(source.Path($"p{i}", source.Tree(), [.. paths]));
        }

        await Server.PushAsync([.. paths]);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync(cache: new MemoryChunkCache(), options: new StoreReaderOptions { ChunkMemoryBytesMax = 4 << 20 });
        foreach (var path in paths)
        {
            var handle = await reader.FindAsync(path);
            var tree = await reader.GetTreeAsync(handle, ReaderExtensions.Token);
            await CompareAsync(reader, handle, tree, 0, path.Tree, source.Random);
        }
    }

    [Fact]
    public async Task Find_UnknownPath_IsNull()
    {
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        var absent = Source.Path("absent", SourceEntry.File("x"));

        Assert.Null(await reader.FindAsync(absent.Path, ReaderExtensions.Token));
        await Server.PushAsync(absent);
        Assert.NotNull(await reader.FindAsync(absent.Path, ReaderExtensions.Token));
    }

    [Fact]
    public async Task Find_OfPathWithClosure_MakesAllTreesLocal()
    {
        var low = Source.Path("low", Source.Tree());
        var mid = Source.Path("mid", Source.Tree(), low);
        var top = Source.Path("top", Source.Tree(), mid, low);
        await Server.PushAsync(low, mid, top);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();

        await reader.FindAsync(top);
        await ReaderExtensions.EventuallyAsync(() => reader.Status.KnownPaths == 3, "the closure arrives");
        foreach (var path in new[] { top, mid, low })
        {
            var handle = await reader.FindAsync(path);
            await reader.GetTreeAsync(handle, ReaderExtensions.Token);
            Assert.True(reader.TryGetKnown(handle.BaseName.Span, out var known));
            Assert.Same(handle, known);
        }

        Assert.Equal(1, reader.Status.MetadataRequests);
    }

    [Fact]
    public async Task Find_ManyAtOnce_SharesOneRequest()
    {
        var path = Source.Path("shared", Source.Tree());
        await Server.PushAsync(path);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();

        var handles = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => reader.FindAsync(path)));

        Assert.All(handles, h => Assert.Same(handles[0], h));
        Assert.Equal(1, reader.Status.MetadataRequests);
    }

    [Fact]
    public async Task Read_SameChunkByManyReaders_IsFetchedOnce()
    {
        var content = Source.Bytes(200_000);
        var path = Source.Path("one", SourceEntry.File(content));
        await Server.PushAsync(path);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(path);
        await reader.GetTreeAsync(handle, ReaderExtensions.Token);

        var reads = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => reader.ReadAsync(handle, 0, i, 190_000)));

        Assert.All(reads, r => Assert.Equal(190_000, r.Length));
        Assert.Equal(path.Chunks.Count, reader.Status.ReceivedChunks);
    }

    [Fact]
    public async Task TryRead_AfterRead_CompletesFromMemory()
    {
        var content = Source.Content(300_000);
        var path = Source.Path("warm", SourceEntry.File(content));
        await Server.PushAsync(path);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(path);
        Assert.False(reader.TryRead(handle, 0, 0, 100, out _));
        await reader.ReadAsync(handle, 0);

        Assert.True(reader.TryRead(handle, 0, 1000, 250_000, out var lease));
        var bytes = new byte[lease.Length];
        lease.CopyTo(bytes);
        lease.Dispose();
        Assert.Equal(content[1000..251_000], bytes);
    }

    [Fact]
    public async Task FindWithClosure_PathThatWasAskedForAlone_BringsItsClosure()
    {
        var leaf = Source.Path("leaf", SourceEntry.File("leaf"));
        var middle = Source.Path("middle", SourceEntry.File("middle"), leaf);
        var top = Source.Path("top", SourceEntry.File("top"), middle);
        await Server.PushAsync(leaf, middle, top);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        Assert.Single(await reader.FilterValidAsync([top.Path], ReaderExtensions.Token));
        Assert.NotNull(reader.FindKnown(top.Path));
        Assert.Null(reader.FindKnown(leaf.Path));

        Assert.NotNull(await reader.FindWithClosureAsync(top.Path, ReaderExtensions.Token));

        Assert.NotNull(reader.FindKnown(middle.Path));
        Assert.NotNull(reader.FindKnown(leaf.Path));
    }

    [Fact]
    public async Task TryRead_FromMemory_AllocatesNothing()
    {
        var path = Source.Path("warm", SourceEntry.File(Source.Bytes(100_000)));
        await Server.PushAsync(path);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        var handle = await reader.FindAsync(path);
        await reader.ReadAsync(handle, 0);
        for (var i = 0; i < 200; i++)
        {
            Assert.True(reader.TryRead(handle, 0, 0, 100_000, out var warm));
            warm.Dispose();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            reader.TryGetKnown(handle.BaseName.Span, out _);
            reader.TryRead(handle, 0, 0, 100_000, out var lease);
            lease!.Dispose();
        }

        // A few bytes a call would be tens of thousands; the odd tier-up of the code is not.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4000);
    }

    [Fact]
    public async Task Read_AllLeasesReturned_FreesAllChunks()
    {
        var before = ChunkBuffer.AllocatedBytes;
        var path = Source.Path("leak", Source.Tree());
        await Server.PushAsync(path);
        using (var connection = Server.Connect())
        {
            await using var reader = await connection.OpenAsync();
            var handle = await reader.FindAsync(path);
            var tree = await reader.GetTreeAsync(handle, ReaderExtensions.Token);
            for (var i = 0; i < tree.Count; i++)
            {
                if (tree.Kind(i) == EntryKind.Regular)
                {
                    await reader.ReadAsync(handle, i);
                }
            }

            await ReaderExtensions.EventuallyAsync(() => reader.Status.ChunksInFlight == 0, "read-ahead ends");
        }

        // Less, where a test before this one had not freed its own by then.
        Assert.InRange(ChunkBuffer.AllocatedBytes, 0, before);
    }

    [Fact]
    public async Task List_Pages_GiveAllNamesInOrder()
    {
        var paths = Enumerable.Range(0, 25).Select(i => Source.Path($"n{i}", SourceEntry.File($"{i}"))).ToArray();
        await Server.PushAsync(paths);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();
        var names = new List<string>();
        ListingPage page;
        do
        {
            page = await reader.ListAsync(names.LastOrDefault() ?? "", 7, ReaderExtensions.Token);
            names.AddRange(page.Entries.Select(e => e.BaseName));
        }
        while (!page.IsLast);

        Assert.Equal(paths.Select(p => p.Path.BaseName).Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public async Task FindMany_AsksOnceForAPage()
    {
        var paths = Enumerable.Range(0, 25).Select(i => Source.Path($"n{i}", SourceEntry.File($"{i}"))).ToArray();
        await Server.PushAsync(paths[..24]);
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();

        var handles = await reader.FindManyAsync([.. paths.Select(p => p.Path)], ReaderExtensions.Token);

        Assert.All(handles[..24], Assert.NotNull);
        Assert.Null(handles[24]);
        Assert.Equal(1, reader.Status.MetadataRequests);
    }

    private static async Task CompareAsync(StoreReader reader, PathHandle handle, ManifestTree tree, int index, SourceEntry source, Random random)
    {
        if (source.Children is { } children)
        {
            foreach (var (name, child) in children)
            {
                Assert.True(tree.TryFind(index, System.Text.Encoding.UTF8.GetBytes(name), out var found));
                await CompareAsync(reader, handle, tree, found, child, random);
            }
        }
        else if (source.Target is { } target)
        {
            Assert.Equal(target, System.Text.Encoding.UTF8.GetString(await reader.ReadLinkAsync(handle, index, ReaderExtensions.Token)));
        }
        else
        {
            for (var i = 0; i < 6; i++)
            {
                var offset = random.Next(source.Content!.Length + 2);
                var length = random.Next(source.Content.Length + 2);
                var expected = offset >= source.Content.Length ? [] : source.Content.AsSpan(offset, Math.Min(length, source.Content.Length - offset)).ToArray();
                Assert.Equal(expected, await reader.ReadAsync(handle, index, offset, length));
            }
        }
    }
}
