using NixFuseStore.Content;
using Xunit;

namespace NixFuseStore.Cache.Tests;

public sealed class ConcurrencyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly int _seed = Random.Shared.Next();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task ReadersAndWritersAtOnce_WhileEvictingAndVerifying_NeverSeeWrongBytes()
    {
        await using var cache = await ChunkCache.OpenAsync(
            new ChunkCacheOptions
            {
                Directory = _directory.Path,
                SizeBytesMax = 24L << 20,
                QueueBytesMax = 2L << 20,
                CheckpointInterval = TimeSpan.FromMilliseconds(300),
                Notice = notice => Assert.Fail(notice),
            },
            TestContext.Current.CancellationToken);
        var ids = new ChunkId[1500];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = CacheTesting.Id(i, Length(i));
        }

        // Until everything has happened, or a minute has passed on a machine that does other things.
        using var time = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        long hits = 0;
        bool IsOver() => time.IsCancellationRequested || (Volatile.Read(ref hits) > 5000 && cache.Status.Evicted > 50);
        var tasks = new List<Task>();
        for (var worker = 0; worker < 6; worker++)
        {
            var random = new Random(_seed + worker);
            tasks.Add(Task.Run(async () =>
            {
                while (!IsOver())
                {
                    // Mostly among some hot ones.
                    var i = random.Next(random.Next(4) == 0 ? ids.Length : 100);
                    if (await cache.HasAsync(ids[i], random.Next(2) == 0 ? -1 : Length(i)))
                    {
                        Interlocked.Increment(ref hits);
                        continue;
                    }

                    var chunk = CacheTesting.Chunk(i, Length(i));
                    cache.Offer(chunk, ids[i]);
                    chunk.Release();
                }
            }, TestContext.Current.CancellationToken));
        }

        tasks.Add(Task.Run(async () =>
        {
            while (!IsOver())
            {
                var found = await cache.GetManyAsync(ids[..40]);
                for (var i = 0; i < found.Length; i++)
                {
                    if (found[i] is { } chunk)
                    {
                        Assert.Equal(ids[i], ChunkId.Compute(chunk.Span));
                        chunk.Release();
                    }
                }

                var report = await cache.VerifyAsync(repair: false, null, TestContext.Current.CancellationToken);
                Assert.Equal(0, report.Bad);
                await Task.Delay(50, TestContext.Current.CancellationToken); // nothing is evicted during a walk
            }
        }, TestContext.Current.CancellationToken));
        await Task.WhenAll(tasks);
        var status = cache.Status;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {_seed}: {hits} hits, {status}");
        Assert.Equal(0, status.Corrupt);
        Assert.True(status.Evicted > 0);
        Assert.True(hits > 5000);
    }

    private static int Length(int i) => 1000 + (i * 7919 % 60_000);
}
