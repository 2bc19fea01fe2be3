using NixFuseStore.Content;
using Xunit;

namespace NixFuseStore.Cache.Tests;

public sealed class ModelTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly int _seed = CacheTesting.Seed();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task RandomSteps_WithoutEviction_BehaveLikeADictionary()
    {
        var random = new Random(_seed);
        var model = new Dictionary<int, ChunkId>();
        var cache = await OpenAsync();
        try
        {
            for (var step = 0; step < 2500; step++)
            {
                var i = random.Next(600);
                switch (random.Next(20))
                {
                    case < 8:
                        model[i] = cache.Store(i, Length(i));
                        break;
                    case < 17:
                        await WrittenAsync(cache, model.Count);
                        Assert.Equal(model.ContainsKey(i), await cache.HasAsync(CacheTesting.Id(i, Length(i))));
                        Assert.Equal(model.ContainsKey(i), cache.Contains(CacheTesting.Id(i, Length(i))));
                        break;
                    case 17 when random.Next(10) == 0:
                        await cache.DisposeAsync();
                        cache = await OpenAsync();
                        Assert.Equal(model.Count, cache.Status.RecoveredEntries);
                        break;
                    case 18 when random.Next(20) == 0:
                        await WrittenAsync(cache, model.Count);
                        var report = await cache.VerifyAsync(repair: true, null, TestContext.Current.CancellationToken);
                        Assert.Equal(new VerifyReport(model.Count, model.Keys.Sum(key => (long)Length(key)), 0, 0), report);
                        break;
                    case 19:
                        var some = model.Take(12).ToArray();
                        await WrittenAsync(cache, model.Count);
                        var found = await cache.GetManyAsync(some.Select(pair => pair.Value).ToArray());
                        for (var k = 0; k < some.Length; k++)
                        {
                            Assert.Equal(some[k].Value, ChunkId.Compute(found[k]!.Span));
                            found[k]!.Release();
                        }

                        break;
                }
            }

            Assert.Equal(0, cache.Status.Corrupt);
        }
        finally
        {
            await cache.DisposeAsync();
        }
    }

    private static int Length(int i) => 1 + (i * 7919 % 262_144);

    private static Task WrittenAsync(ChunkCache cache, int entries) =>
        CacheTesting.EventuallyAsync(() => cache.Status.Entries == entries, "written");

    private Task<ChunkCache> OpenAsync() => ChunkCache.OpenAsync(new ChunkCacheOptions
    {
        Directory = _directory.Path,
        SizeBytesMax = 512L << 20,
        MemoryBytes = 16L << 20,
        CheckpointInterval = TimeSpan.FromMilliseconds(200),
        Notice = notice => Assert.Fail(notice),
    });
}
