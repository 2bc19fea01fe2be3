using NixFuseStore.Content;
using Xunit;

namespace NixFuseStore.Cache.Tests.Faults;

public sealed class FullDiskTests
{
    private const int ChunkBytes = 60_000;

    [Theory]
    [InlineData(-1000)] // runs into the wall
    [InlineData(16)] // stops before it
    public async Task Store_DiskFullThenFreeAgain_IsBypassedAndComesBack(int reserveMiB)
    {
        using var fileSystem = new TemporaryFileSystem(96);
        var notices = new List<string>();
        await using (var cache = await OpenAsync(fileSystem, reserveMiB, notices))
        {
            // 1. Some chunks that are safely on disk.
            var early = new List<ChunkId>();
            for (var i = 0; i < 100; i++)
            {
                early.Add(cache.Store(i, ChunkBytes));
            }

            await CacheTesting.EventuallyAsync(() => cache.Status.Checkpoints > 0 && cache.Status.Stored == 100, "checkpoint");

            // 2. The disk fills up; writing goes on. Nobody waits, and the cache says why it stores no more.
            fileSystem.FillUpTo((Math.Max(0, reserveMiB) + 4L) << 20);
            for (var i = 1000; i < 1600 && cache.Status.BypassReason is null; i++)
            {
                cache.Store(i, ChunkBytes);
                await Task.Delay(1, TestContext.Current.CancellationToken);
            }

            await CacheTesting.EventuallyAsync(() => cache.Status.BypassReason is not null, "bypassed");
            Assert.Contains(reserveMiB < 0 ? "No space left" : "MiB free", string.Join(" ", notices));

            // 3. What was there is still there.
            foreach (var id in early)
            {
                await cache.AssertHasAsync(id, ChunkBytes);
            }

            // 4. Space again: it works again, within seconds.
            fileSystem.Free();
            for (var i = 2000; i < 2200; i++)
            {
                var id = CacheTesting.Id(i, ChunkBytes);
                await CacheTesting.EventuallyAsync(
                    () =>
                    {
                        cache.Store(i, ChunkBytes);
                        return cache.Contains(id);
                    },
                    "stored");
                await cache.AssertHasAsync(id);
            }

            Assert.Null(cache.Status.BypassReason);
        }

        // 5. And after a restart nothing is wrong, only some are missing.
        await using var again = await OpenAsync(fileSystem, reserveMiB, notices);
        for (var i = 2000; i < 2200; i++)
        {
            await again.AssertHasAsync(CacheTesting.Id(i, ChunkBytes));
        }

        for (var i = 1000; i < 1600; i++)
        {
            await again.HasAsync(CacheTesting.Id(i, ChunkBytes));
        }

        // A chunk of which only a part was written when the disk was full counts as damaged.
        Assert.InRange(again.Status.Corrupt, 0, reserveMiB < 0 ? 5 : 0);
        Assert.DoesNotContain("recovered", string.Join(" ", notices));
    }

    [Fact]
    public async Task Open_OnAFullDisk_AnswersMissingAndOpensWhenThereIsSpace()
    {
        using var fileSystem = new TemporaryFileSystem(32);
        fileSystem.FillUpTo(0);
        var notices = new List<string>();
        await using var cache = ChunkCache.OpenInBackground(Options(fileSystem, 0, notices));
        await CacheTesting.EventuallyAsync(() => cache.Status.BypassReason is not null || cache.IsOpen, "tried");
        Assert.False(await cache.HasAsync(CacheTesting.Id(1, 100)));
        fileSystem.Free();
        await CacheTesting.EventuallyAsync(() => cache.Status is { IsOpen: true, BypassReason: null }, "open");
        var id = cache.Store(1, 100);
        await CacheTesting.EventuallyAsync(() => cache.Contains(id), "stored");
    }

    [Fact]
    public async Task Open_OnASmallFullDiskWithALargeCap_TakesChunksOnceThereIsSpaceAndKeepsThem()
    {
        // 1. As a mount opens it: nothing but the directory and the default cap, of which the disk is a tiny part.
        using var fileSystem = new TemporaryFileSystem(48);
        fileSystem.FillUpTo(0);
        var notices = new List<string>();
        var options = new ChunkCacheOptions { Directory = Path.Combine(fileSystem.Path, "cache"), Notice = notices.Add };
        var kept = new List<ChunkId>();
        await using (var cache = ChunkCache.OpenInBackground(options))
        {
            await Assert.ThrowsAsync<IOException>(() => cache.WaitUntilOpenAsync(TestContext.Current.CancellationToken));
            await Task.Delay(3 * options.RetryInterval, TestContext.Current.CancellationToken);
            Assert.Contains("is bypassed", Assert.Single(notices));

            // 2. Space: it is used within seconds.
            fileSystem.Free();
            await CacheTesting.EventuallyAsync(() => cache.Status is { IsOpen: true, BypassReason: null }, "open");
            for (var i = 0; i < 1000 && cache.Status.BypassReason is null; i++)
            {
                var id = cache.Store(i, ChunkBytes);
                await CacheTesting.EventuallyAsync(() => cache.Contains(id) || cache.Status.BypassReason is not null, "stored or full");
                if (cache.Contains(id))
                {
                    kept.Add(id);
                }
            }

            // 3. It ends before the disk does, with a checkpoint.
            Assert.Contains("MiB free", cache.Status.BypassReason);
            Assert.InRange(kept.Count, 100, 800);
            Assert.DoesNotContain("No space left", string.Join(" ", notices.Skip(1)));
        }

        await using var again = await ChunkCache.OpenAsync(options, TestContext.Current.CancellationToken);
        foreach (var id in kept)
        {
            await again.AssertHasAsync(id, ChunkBytes);
        }
    }

    private static Task<ChunkCache> OpenAsync(TemporaryFileSystem fileSystem, int reserveMiB, List<string> notices) =>
        ChunkCache.OpenAsync(Options(fileSystem, reserveMiB, notices));

    private static ChunkCacheOptions Options(TemporaryFileSystem fileSystem, int reserveMiB, List<string> notices) => new()
    {
        Directory = Path.Combine(fileSystem.Path, "cache"),
        SizeBytesMax = 64L << 20,
        FreeBytesReserve = (long)reserveMiB << 20,
        MemoryBytes = 4L << 20,
        CheckpointInterval = TimeSpan.FromMilliseconds(200),
        RetryInterval = TimeSpan.FromMilliseconds(200),
        Notice = notice =>
        {
            lock (notices)
            {
                notices.Add(notice);
            }
        },
    };
}
