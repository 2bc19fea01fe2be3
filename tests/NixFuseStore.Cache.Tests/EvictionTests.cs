using NixFuseStore.Content;
using Xunit;

namespace NixFuseStore.Cache.Tests;

public sealed class EvictionTests : IDisposable
{
    private const int ChunkBytes = 60_000;
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(16)]
    [InlineData(100)]
    public async Task Store_ThreeTimesTheCap_StaysBelowItAndKeepsWhatIsUsed(int capMiB)
    {
        var cap = (long)capMiB << 20;
        var hot = new List<ChunkId>();
        long largest = 0;
        await using (var cache = await OpenAsync(cap))
        {
            var hotCount = (int)(cap / 8 / ChunkBytes);
            var total = (int)(3 * cap / ChunkBytes);
            for (var i = 0; i < total; i++)
            {
                var id = cache.Store(i, ChunkBytes - (i % 100));
                if (i < hotCount)
                {
                    hot.Add(id);
                }

                if (i % Math.Max(1, total / 60) == 0)
                {
                    foreach (var used in hot)
                    {
                        cache.MarkUsed(used);
                    }

                    largest = Math.Max(largest, SizeOnDisk());
                    Assert.True(cache.Status.SizeBytes <= cap);
                }
            }

            await CacheTesting.EventuallyAsync(() => cache.Status.Stored + cache.Status.Dropped >= total, "all written");
            var status = cache.Status;
            Assert.True(status.Evicted > 0);
            Assert.Equal(0, status.Corrupt);
            var survivors = 0;
            foreach (var id in hot)
            {
                survivors += await cache.HasAsync(id) ? 1 : 0;
            }

            TestContext.Current.TestOutputHelper?.WriteLine(
                $"cap {capMiB} MiB: at most {largest >> 10} KiB on disk, {status.Entries} entries, {status.Evicted} evicted, {survivors} of {hot.Count} hot left");
            Assert.True(survivors >= hot.Count * 95 / 100, $"{survivors} of {hot.Count} hot chunks left");
            Assert.True(status.Entries * (long)ChunkBytes > cap / 2, $"only {status.Entries} entries in {capMiB} MiB");
        }

        largest = Math.Max(largest, SizeOnDisk());
        Assert.True(largest <= cap, $"{largest} bytes on disk, cap {cap}");
        await using var again = await OpenAsync(cap);
        Assert.True(await again.HasAsync(hot[0]));
    }

    [Fact]
    public async Task Store_EverythingIsUsed_StillMakesRoom()
    {
        const long Cap = 16L << 20;
        await using var cache = await OpenAsync(Cap);
        for (var i = 0; i < 1000; i++)
        {
            var id = CacheTesting.Id(i, ChunkBytes);
            await CacheTesting.EventuallyAsync(
                () =>
                {
                    cache.Store(i, ChunkBytes);
                    return cache.Contains(id);
                },
                $"chunk {i} stored");
            cache.MarkUsed(id);
        }

        Assert.True(cache.Status.Evicted > 500);
        Assert.True(SizeOnDisk() <= Cap);
        Assert.True(await cache.HasAsync(CacheTesting.Id(999, ChunkBytes)));
    }

    [Fact]
    public async Task Open_WithSmallerCap_ComesBelowIt()
    {
        await using (var cache = await OpenAsync(64L << 20))
        {
            for (var i = 0; i < 900; i++)
            {
                cache.Store(i, ChunkBytes);
            }
        }

        Assert.True(SizeOnDisk() > 40L << 20);
        await using var smaller = await OpenAsync(32L << 20);
        await CacheTesting.EventuallyAsync(() => SizeOnDisk() <= 32L << 20, "below the new cap");
        Assert.True(await smaller.HasAsync(CacheTesting.Id(899, ChunkBytes)));
    }

    private long SizeOnDisk()
    {
        long sum = 0;
        foreach (var file in new DirectoryInfo(_directory.Path).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            try
            {
                sum += file.Length;
            }
            catch (FileNotFoundException)
            {
                // Evicted a moment ago.
            }
        }

        return sum;
    }

    private Task<ChunkCache> OpenAsync(long cap) => ChunkCache.OpenAsync(new ChunkCacheOptions
    {
        Directory = _directory.Path,
        SizeBytesMax = cap,
        QueueBytesMax = 1 << 20, // so that uses are not marked before the chunks are there
        Notice = notice => Assert.Fail(notice),
    });
}
