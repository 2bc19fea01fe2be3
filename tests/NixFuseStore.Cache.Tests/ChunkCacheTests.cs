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

    [Fact]
    public async Task Open_ADirectoryOfAnEarlierVersion_SaysSoOnceAndStartsEmpty()
    {
        // 1. Its files, and a checkpoint of this version below them, as a step back and forth leaves it.
        await using (var cache = await OpenAsync())
        {
            cache.Store(1, 1000);
        }

        foreach (var file in (string[])["geometry", "current", "log.7", "checkpoint-0123/index", "checkpoint-0123/keys"])
        {
            var path = Path.Combine(_directory.Path, file);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllBytesAsync(path, new byte[5000], TestContext.Current.CancellationToken);
        }

        // 2. One line, and nothing of it is left.
        var notices = new List<string>();
        var options = new ChunkCacheOptions { Directory = _directory.Path, SizeBytesMax = 1L << 30, Notice = notices.Add };
        await using (var cache = await ChunkCache.OpenAsync(options, TestContext.Current.CancellationToken))
        {
            Assert.Equal($"cache {_directory.Path} cannot be recovered (another version made it); it starts empty", Assert.Single(notices));
            Assert.Equal(0, cache.Status.Entries);
            cache.Store(2, 1000);
        }

        Assert.Equal(
            ["checkpoint", "holder", "lock", "log.0"],
            Directory.EnumerateFileSystemEntries(_directory.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        await using var again = await OpenAsync();
        Assert.True(await again.HasAsync(CacheTesting.Id(2, 1000)));
    }

    private Task<ChunkCache> OpenAsync() => ChunkCache.OpenAsync(new ChunkCacheOptions
    {
        Directory = _directory.Path,
        SizeBytesMax = 1L << 30,
        Notice = notice => Assert.Fail(notice),
    });
}
