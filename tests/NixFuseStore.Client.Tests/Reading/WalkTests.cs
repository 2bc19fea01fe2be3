using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Trees;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>Who reads whole paths one after the other finds the next one here.</summary>
public sealed class WalkTests() : ReaderTest(12)
{
    [Fact]
    public async Task Read_WholePathsInTheOrderOfListing_BringsTheBeginningOfTheNext()
    {
        var paths = await PushTwoAsync();
        await using var reader = await ConnectAsync();
        var handles = await ListAsync(reader, paths);

        await ReadAllAsync(reader, handles[0]);

        await ReaderExtensions.EventuallyAsync(() => HasFirstFile(reader, handles[1]), "the next path's first file arrives by itself");
        Assert.NotEqual(0, reader.NextPathsEntered);
    }

    [Fact]
    public async Task Read_PartOfAPath_BringsNothingOfTheNext()
    {
        var paths = await PushTwoAsync();
        await using var reader = await ConnectAsync();
        var handles = await ListAsync(reader, paths);

        await reader.ReadAsync(handles[0], handles[0].Tree!.Entry("file3"));
        await ReadAllAsync(reader, handles[0], files: 1);

        // What is asked for ahead is decided before a read ends.
        Assert.Equal(0, reader.NextPathsEntered);
        Assert.False(HasFirstFile(reader, handles[1]));
    }

    [Fact]
    public async Task Read_SmallPathsInTheOrderOfNames_AsksForManyAtATime()
    {
        var paths = await PushTinyAsync(200);
        await using var reader = await ConnectAsync();
        foreach (var path in paths.OrderBy(static path => path.Path.BaseName, StringComparer.Ordinal))
        {
            await AssertReadsAsync(reader, path);
        }

        // One by one, each path takes two requests at least.
        Assert.InRange(reader.Status.MetadataRequests + reader.Status.DemandRequests, 1, paths.Length);
    }

    [Fact]
    public async Task Read_SmallPathsInAnyOrder_BringsNoOthers()
    {
        var paths = await PushTinyAsync(40);
        await using var reader = await ConnectAsync();
        foreach (var path in paths.OrderByDescending(static path => path.Path.BaseName, StringComparer.Ordinal).Take(10))
        {
            await AssertReadsAsync(reader, path);
        }

        Assert.Equal(10, reader.Status.ReceivedChunks);
    }

    private async Task<SourcePath[]> PushTinyAsync(int count)
    {
        SourcePath[] paths = [.. Enumerable.Range(0, count).Select(i => Source.Path($"tiny{i}", SourceEntry.File(Source.Bytes(500))))];
        await Server.PushAsync(paths);
        return paths;
    }

    private static async Task AssertReadsAsync(StoreReader reader, SourcePath path)
    {
        var handle = await reader.FindAsync(path);
        Assert.Equal(path.Tree.Content, await reader.ReadAsync(handle, entry: 0));
    }

    private async Task<SourcePath[]> PushTwoAsync()
    {
        var (first, second) = (Source.Path("first", EightFiles()), Source.Path("second", EightFiles()));
        await Server.PushAsync(first, second);
        return [first, second];
    }

    private static async Task<PathHandle[]> ListAsync(StoreReader reader, SourcePath[] paths)
    {
        var handles = new List<PathHandle>();
        foreach (var path in paths)
        {
            var handle = await reader.FindAsync(path);
            await reader.GetTreeAsync(handle, ReaderExtensions.Token);
            reader.OnListed(handle);
            handles.Add(handle);
        }

        return [.. handles];
    }

    private SourceEntry EightFiles() =>
        SourceEntry.Directory([.. Enumerable.Range(0, 8).Select(i => ($"file{i}", SourceEntry.File(Source.Bytes(200_000))))]);

    private static async Task ReadAllAsync(StoreReader reader, PathHandle handle, int files = 8)
    {
        for (var i = 0; i < files; i++)
        {
            await reader.ReadAsync(handle, handle.Tree!.Entry($"file{i}"));
        }
    }

    private static bool HasFirstFile(StoreReader reader, PathHandle handle)
    {
        if (!reader.TryRead(handle, handle.Tree!.Entry("file0"), 0, 1_000, out var lease))
        {
            return false;
        }

        lease.Dispose();
        return true;
    }
}
