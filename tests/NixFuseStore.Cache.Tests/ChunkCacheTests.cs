using Xunit;

namespace NixFuseStore.Cache.Tests;

public sealed class ChunkCacheTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task TryGet_StoredChunk_ReturnsItFromMemory()
    {
        await using var cache = await OpenAsync();
        var id = cache.Store(1, 1000);
        await CacheTesting.EventuallyAsync(() => cache.Contains(id), "stored");
        Assert.True(await cache.HasAsync(id, 1000));
        Assert.True(cache.TryGetFromMemory(id, out var chunk));
        chunk!.Release();
        Assert.False(await cache.HasAsync(id, 1001));
        Assert.Equal(0, cache.Status.DiskHits);
    }

    [Fact]
    public async Task Open_AfterDispose_FindsEverything()
    {
        const int Count = 400;
        await using (var cache = await OpenAsync())
        {
            for (var i = 0; i < Count; i++)
            {
                cache.Store(i, 1000 + (i * 500));
            }
        }

        await using var again = await OpenAsync();
        Assert.Equal(Count, again.Status.RecoveredEntries);
        for (var i = 0; i < Count; i++)
        {
            Assert.True(await again.HasAsync(CacheTesting.Id(i, 1000 + (i * 500)), 1000 + (i * 500)), $"chunk {i}");
            Assert.True(await again.HasAsync(CacheTesting.Id(i, 1000 + (i * 500))), $"chunk {i}");
        }

    }

    private Task<ChunkCache> OpenAsync() => ChunkCache.OpenAsync(new ChunkCacheOptions
    {
        Directory = _directory.Path,
        SizeBytesMax = 1L << 30,
        Notice = notice => Assert.Fail(notice),
    });
}
