using NixFuseStore.Content;
using Xunit;

namespace NixFuseStore.Cache.Tests;

public sealed class ResizingTests : IDisposable
{
    private const int ChunkBytes = 50_000;
    private const long Small = 16L << 20;
    private const long Middle = 256L << 20;
    private const long Large = 8L << 30;
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(Small)]
    [InlineData(Middle)]
    public async Task Open_WithALargerLimit_KeepsEverything(long before)
    {
        var ids = await FillAsync(before, 150);
        await using var cache = await OpenAsync(Large);
        Assert.Equal(150, cache.Status.Entries);
        await AssertAllAsync(cache, ids);

        var more = cache.Store(1_000_000, ChunkBytes);
        await CacheTesting.EventuallyAsync(() => cache.Contains(more), "stored");
    }

    [Fact]
    public async Task Open_WithAMuchSmallerLimit_KeepsTheNewestWithinIt()
    {
        var ids = await FillAsync(Middle, 1500);
        await using (var cache = await OpenAsync(Small))
        {
            Assert.InRange(cache.Status.Entries, 80, 200);
            Assert.InRange(cache.Status.SizeBytes, 1, Small);
            await AssertAllAsync(cache, ids[^80..]);
            for (var i = 0; i < 1000; i++)
            {
                cache.Store(10_000 + i, ChunkBytes);
            }

            await CacheTesting.EventuallyAsync(() => cache.Contains(CacheTesting.Id(10_999, ChunkBytes)), "stored");
        }

        var bytes = new DirectoryInfo(_directory.Path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        Assert.InRange(bytes, 1, Small);
    }

    [Theory]
    [InlineData("log.0", false)] // while it is filled
    [InlineData("moving", true)]
    [InlineData("log.0", true)]
    [InlineData("checkpoint", true)] // the last one
    public async Task Open_InterruptedWhileItIsResized_LosesNothing(string file, bool isWhole)
    {
        var ids = await FillAsync(Small, 100);
        var failed = 0;
        await using (var cache = ChunkCache.OpenInBackground(Options(Large, path =>
        {
            var resized = Path.Combine(_directory.Path, "resized");
            if (path == Path.Combine(resized, file) && Directory.Exists(resized) && File.Exists(Path.Combine(resized, "complete")) == isWhole)
            {
                Interlocked.Increment(ref failed);
                throw new IOException("injected", 5);
            }
        })))
        {
            await CacheTesting.EventuallyAsync(() => failed > 0 && cache.Status.BypassReason is not null, "failed");
            Assert.False(cache.IsOpen);
        }

        await using var again = await OpenAsync(Large);
        Assert.Equal(100, again.Status.Entries);
        await AssertAllAsync(again, ids);
        Assert.False(Directory.Exists(Path.Combine(_directory.Path, "resized")));
    }

    private static async Task AssertAllAsync(ChunkCache cache, IEnumerable<ChunkId> ids)
    {
        foreach (var id in ids)
        {
            await cache.AssertHasAsync(id, ChunkBytes);
        }
    }

    private async Task<List<ChunkId>> FillAsync(long sizeBytesMax, int chunks)
    {
        await using var cache = await OpenAsync(sizeBytesMax);
        var ids = new List<ChunkId>();
        for (var i = 0; i < chunks; i++)
        {
            ids.Add(cache.Store(i, ChunkBytes));
        }

        await CacheTesting.EventuallyAsync(() => cache.Contains(ids[^1]), "stored");
        Assert.Equal(chunks, cache.Status.Entries);
        return ids;
    }

    private Task<ChunkCache> OpenAsync(long sizeBytesMax) => ChunkCache.OpenAsync(Options(sizeBytesMax, fault: null));

    private ChunkCacheOptions Options(long sizeBytesMax, Action<string>? fault) => new()
    {
        Directory = _directory.Path,
        SizeBytesMax = sizeBytesMax,
        MemoryBytes = 4L << 20,
        RetryInterval = TimeSpan.FromMilliseconds(100),
        FileFault = fault,
        Notice = text => Assert.DoesNotContain("starts empty", text, StringComparison.Ordinal),
    };
}
