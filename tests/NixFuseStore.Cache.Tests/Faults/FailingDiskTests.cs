using System.Diagnostics;
using Xunit;

namespace NixFuseStore.Cache.Tests.Faults;

public sealed class FailingDiskTests : IDisposable
{
    private const int ChunkBytes = 100_000;
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Offer_DiskHangs_NeverBlocksAndGoesOnWhenItAnswers()
    {
        await using var cache = await OpenAsync();
        using var hang = new ManualResetEventSlim();
        cache.OpenLog!.Writes.Fault = () => hang.Wait();
        var slowest = TimeSpan.Zero;
        var chunk = CacheTesting.Chunk(0, ChunkBytes);
        for (var i = 0; i < 1000; i++)
        {
            var another = CacheTesting.Chunk(i, ChunkBytes);
            var started = Stopwatch.GetTimestamp();
            cache.Offer(another, Content.ChunkId.Compute(another.Span));
            var took = Stopwatch.GetElapsedTime(started);
            slowest = took > slowest ? took : slowest;
            another.Release();
        }

        chunk.Release();
        Assert.True(slowest < TimeSpan.FromSeconds(10), $"an offer took {slowest}");
        await CacheTesting.EventuallyAsync(() => cache.Status.BypassReason is not null, "stalled");
        Assert.True(cache.Status.Dropped > 0);
        hang.Set();
        cache.OpenLog!.Writes.Fault = null;
        await CacheTesting.EventuallyAsync(() => cache.Status.BypassReason is null, "answers again");
        var id = cache.Store(5000, ChunkBytes);
        await CacheTesting.EventuallyAsync(() => cache.Contains(id), "stored");
    }

    [Fact]
    public async Task TryGet_DiskHangs_IsMissingAfterTheDeadlineOrWhenCancelled()
    {
        await using (var first = await OpenAsync())
        {
            for (var i = 0; i < 200; i++)
            {
                first.Store(i, ChunkBytes);
            }
        }

        await using var cache = await OpenAsync();
        using var hang = new ManualResetEventSlim();
        cache.OpenLog!.ReadFault = () => hang.Wait();
        var reads = new List<Task<bool>>();
        for (var i = 0; i < 20; i++)
        {
            reads.Add(cache.HasAsync(CacheTesting.Id(i, ChunkBytes)));
        }

        using var cancellation = new CancellationTokenSource(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await cache.TryGetAsync(CacheTesting.Id(30, ChunkBytes), ChunkBytes, cancellation.Token));
        Assert.All(await Task.WhenAll(reads), Assert.False);
        Assert.Equal(20, cache.Status.TimedOut);
        hang.Set();
        cache.OpenLog!.ReadFault = null;
        await cache.AssertHasAsync(CacheTesting.Id(1, ChunkBytes));
        Assert.Equal(0, cache.Status.Corrupt);
    }

    [Fact]
    public async Task TryGet_DiskHangs_OnlyTheFirstReadWaits_UntilTheDiskAnswers()
    {
        await FillAsync(200);
        await using var cache = await OpenAsync();
        using var hang = new ManualResetEventSlim();
        cache.OpenLog!.ReadFault = () => hang.Wait();

        // 1. One read finds out. It may be answered a moment before: the deadline of the request counts from its start, that of the disk from
        // when a thread has taken it up.
        Assert.False(await cache.HasAsync(CacheTesting.Id(0, ChunkBytes)));
        await CacheTesting.EventuallyAsync(() => cache.Status.BypassReason is not null, "found out");
        Assert.Equal("the disk does not answer", cache.Status.BypassReason);

        // 2. The others do not wait for it: a hundred take less than one deadline.
        var started = Stopwatch.GetTimestamp();
        for (var i = 1; i < 100; i++)
        {
            Assert.False(await cache.HasAsync(CacheTesting.Id(i, ChunkBytes)));
        }

        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, ReadDeadline);
        Assert.Equal(1, cache.Status.TimedOut);

        // 3. It answers: the cache is used again, and has lost nothing.
        hang.Set();
        await CacheTesting.EventuallyAsync(() => cache.Status.BypassReason is null, "used again");
        for (var i = 0; i < 100; i++)
        {
            await cache.AssertHasAsync(CacheTesting.Id(i, ChunkBytes));
        }

        Assert.Equal(200, cache.Status.Entries);
    }

    [Fact]
    public async Task TryGet_OneReadHangs_OthersGoOnAfterIt()
    {
        await FillAsync(200);
        await using var cache = await OpenAsync();
        using var hang = new ManualResetEventSlim();
        var first = 0;
        cache.OpenLog!.ReadFault = () =>
        {
            if (Interlocked.Increment(ref first) == 1)
            {
                hang.Wait();
            }
        };
        Assert.False(await cache.HasAsync(CacheTesting.Id(0, ChunkBytes)));

        // The disk as a whole answers, which a probe finds out though nothing else returns.
        await CacheTesting.EventuallyAsync(() => cache.HasAsync(CacheTesting.Id(1, ChunkBytes)).GetAwaiter().GetResult(), "read");
        for (var i = 2; i < 100; i++)
        {
            await cache.AssertHasAsync(CacheTesting.Id(i, ChunkBytes));
        }

        hang.Set();
    }

    [Theory]
    [InlineData(24, "checkpoint")] // EMFILE
    [InlineData(5, "checkpoint")] // EIO
    [InlineData(12, "checkpoint")] // ENOMEM
    [InlineData(24, "log.0")]
    [InlineData(5, "log.0")]
    public async Task Open_TheDiskFailsForAWhile_IsBypassedAndKeepsEverything(int error, string file)
    {
        await FillAsync(100);
        var failing = true;
        var failed = 0;
        var notices = new List<string>();
        await using var cache = ChunkCache.OpenInBackground(Options(
            path =>
            {
                if (Volatile.Read(ref failing) && Path.GetFileName(path) == file)
                {
                    Interlocked.Increment(ref failed);
                    throw new IOException("injected", error);
                }
            },
            notices.Add));
        await CacheTesting.EventuallyAsync(() => failed > 0 && cache.Status.BypassReason is not null, "bypassed");
        Assert.Contains("injected", cache.Status.BypassReason);
        Assert.False(cache.IsOpen);

        Volatile.Write(ref failing, false);
        await CacheTesting.EventuallyAsync(() => cache.Status is { IsOpen: true, BypassReason: null }, "open");
        Assert.Equal(100, cache.Status.Entries);
        for (var i = 0; i < 100; i++)
        {
            await cache.AssertHasAsync(CacheTesting.Id(i, ChunkBytes));
        }

        Assert.DoesNotContain(notices, notice => notice.Contains("starts empty", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(24)] // EMFILE
    [InlineData(5)] // EIO
    public async Task TryGet_TheDiskFailsForAWhile_IsMissingAndThenThereAgain(int error)
    {
        await FillAsync(100);
        var failing = false;
        await using var cache = await OpenAsync(path =>
        {
            if (Volatile.Read(ref failing) && Path.GetFileName(path).StartsWith("log.", StringComparison.Ordinal))
            {
                throw new IOException("injected", error);
            }
        });
        Volatile.Write(ref failing, true);
        for (var i = 0; i < 20; i++)
        {
            Assert.False(await cache.HasAsync(CacheTesting.Id(i, ChunkBytes)));
        }

        Volatile.Write(ref failing, false);
        for (var i = 0; i < 100; i++)
        {
            await cache.AssertHasAsync(CacheTesting.Id(i, ChunkBytes));
        }

        Assert.Equal(0, cache.Status.Corrupt);
        Assert.Equal(100, cache.Status.Entries);
    }

    [Fact]
    public async Task TryGet_ASectorIsUnreadableTwice_TheChunkIsStoredAnew()
    {
        await FillAsync(100);
        var failing = true;
        await using var cache = await OpenAsync(path =>
        {
            if (Volatile.Read(ref failing) && Path.GetFileName(path) == "log.0" && Thread.CurrentThread.Name == "cache-read")
            {
                throw new IOException("injected", 5);
            }
        });
        var id = CacheTesting.Id(0, ChunkBytes);
        Assert.False(await cache.HasAsync(id));
        Assert.True(cache.Contains(id));
        Assert.False(await cache.HasAsync(id));
        await CacheTesting.EventuallyAsync(() => !cache.Contains(id), "dropped");
        Assert.Equal(99, cache.Status.Entries);

        Volatile.Write(ref failing, false);
        cache.Store(0, ChunkBytes);
        await CacheTesting.EventuallyAsync(() => cache.Contains(id), "stored");
        Assert.True(await cache.HasAsync(id));
    }

    [Fact]
    public async Task Dispose_DiskHangs_EndsWithTheDeadline()
    {
        var cache = await OpenAsync();
        using var hang = new ManualResetEventSlim();
        cache.OpenLog!.Writes.Fault = () => hang.Wait();
        cache.Store(1, ChunkBytes);
        var started = Stopwatch.GetTimestamp();
        await cache.DisposeAsync();
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(30));
        hang.Set();
        await CacheTesting.EventuallyAsync(
            () =>
            {
                try
                {
                    CacheLock.Take(_directory.Path).Dispose();
                    return true;
                }
                catch (CacheInUseException)
                {
                    return false;
                }
            },
            "the directory is free");
    }

    [Fact]
    public async Task Store_WritesFailForAWhile_LosesOnlyThose()
    {
        await using var cache = await OpenAsync();
        for (var i = 0; i < 100; i++)
        {
            cache.Store(i, ChunkBytes);
        }

        await CacheTesting.EventuallyAsync(() => cache.Status.Stored == 100, "stored");
        var log = cache.OpenLog!;
        log.Writes.Fault = () => throw new IOException("injected");
        for (var i = 100; i < 300 && cache.Status.BypassReason is null; i++)
        {
            cache.Store(i, ChunkBytes);
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }

        await CacheTesting.EventuallyAsync(() => cache.Status.BypassReason is not null, "bypassed");
        Assert.Contains("injected", cache.Status.BypassReason);
        log.Writes.Fault = null;
        await CacheTesting.EventuallyAsync(() => cache.Status.BypassReason is null, "used again");
        for (var i = 1000; i < 1300; i++)
        {
            cache.Store(i, ChunkBytes);
        }

        await CacheTesting.EventuallyAsync(() => cache.Contains(CacheTesting.Id(1299, ChunkBytes)), "stored");
        for (var i = 1000; i < 1300; i++)
        {
            Assert.True(await cache.HasAsync(CacheTesting.Id(i, ChunkBytes)));
        }

        for (var i = 0; i < 300; i++)
        {
            await cache.HasAsync(CacheTesting.Id(i, ChunkBytes));
        }

        Assert.Equal(0, cache.Status.Corrupt);
    }

    [Fact]
    public async Task TryGet_TheLogThrows_IsMissingAndTheCacheIsOpenedAnew()
    {
        await using (var first = await OpenAsync())
        {
            for (var i = 0; i < 200; i++)
            {
                first.Store(i, ChunkBytes);
            }
        }

        await using var cache = await OpenAsync();
        cache.OpenLog!.ReadFault = () => throw new ArithmeticException("injected");
        Assert.False(await cache.HasAsync(CacheTesting.Id(1, ChunkBytes)));
        await CacheTesting.EventuallyAsync(() => cache.Status is { IsOpen: true, BypassReason: null }, "open again");
        Assert.True(await cache.HasAsync(CacheTesting.Id(1, ChunkBytes)));
        var id = cache.Store(1000, ChunkBytes);
        await CacheTesting.EventuallyAsync(() => cache.Contains(id), "stored");
    }

    private static TimeSpan ReadDeadline => TimeSpan.FromMilliseconds(400);

    private async Task FillAsync(int chunks)
    {
        await using var cache = await OpenAsync();
        for (var i = 0; i < chunks; i++)
        {
            cache.Store(i, ChunkBytes);
        }
    }

    private Task<ChunkCache> OpenAsync(Action<string>? fileFault = null) => ChunkCache.OpenAsync(Options(fileFault, notice: null));

    private ChunkCacheOptions Options(Action<string>? fileFault, Action<string>? notice) => new()
    {
        FileFault = fileFault,
        Notice = notice,
        Directory = _directory.Path,
        SizeBytesMax = 256L << 20,
        MemoryBytes = 8L << 20,
        QueueBytesMax = 4L << 20,
        ReadDeadline = ReadDeadline,
        StallDeadline = TimeSpan.FromMilliseconds(400),
        DisposeDeadline = TimeSpan.FromSeconds(1),
        RetryInterval = TimeSpan.FromMilliseconds(100),
    };
}
