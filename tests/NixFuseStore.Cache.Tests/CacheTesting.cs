using Xunit;

using NixFuseStore.Content;

namespace NixFuseStore.Cache.Tests;

/// <summary>Directories, chunks and options that the tests share.</summary>
internal static class CacheTesting
{
    /// <summary>Set to a number that a failed test printed, to have the same random choices again.</summary>
    private const string SeedVariable = "NIXFUSE_TEST_SEED";

    /// <summary>A seed for a random test, printed with its output.</summary>
    public static int Seed()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable(SeedVariable), out var wanted) ? wanted : Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"{SeedVariable}={seed}");
        return seed;
    }

    /// <summary>All of some chunks, read at the same time.</summary>
    public static Task<ChunkBuffer?[]> GetManyAsync(this ChunkCache cache, IEnumerable<ChunkId> ids) =>
        Task.WhenAll(ids.Select(id => cache.TryGetAsync(id, length: -1, TestContext.Current.CancellationToken).AsTask()));

    public static ChunkBuffer Chunk(int seed, int length)
    {
        var chunk = ChunkBuffer.Allocate(length);
        new Random(seed).NextBytes(chunk.Span);
        return chunk;
    }

    public static ChunkId Id(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return ChunkId.Compute(bytes);
    }

    /// <summary>Offers a chunk as soon as the queue has room, and returns its name.</summary>
    public static ChunkId Store(this ChunkCache cache, int seed, int length)
    {
        var chunk = Chunk(seed, length);
        var id = ChunkId.Compute(chunk.Span);
        var dropped = cache.Status.Dropped;
        cache.Offer(chunk, id);
        while (cache.Status.Dropped != dropped && cache.Status.BypassReason is null)
        {
            Thread.Sleep(1);
            dropped = cache.Status.Dropped;
            cache.Offer(chunk, id);
        }

        chunk.Release();
        return id;
    }

    /// <summary>Whether the cache gives the chunk; fails when it gives other bytes.</summary>
    public static async Task<bool> HasAsync(this ChunkCache cache, ChunkId id, int length = -1)
    {
        var chunk = await cache.TryGetAsync(id, length, TestContext.Current.CancellationToken);
        if (chunk is null)
        {
            return false;
        }

        Assert.Equal(id, ChunkId.Compute(chunk.Span));
        chunk.Release();
        return true;
    }

    /// <summary>Reads and checks a chunk, again where the disk did not answer in time (the machine may be busy); fails after half a minute.</summary>
    public static async Task AssertHasAsync(this ChunkCache cache, ChunkId id, int length = -1)
    {
        for (var i = 0; !await cache.HasAsync(id, length); i++)
        {
            Assert.True(i < 300, $"chunk {id} is not there");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Waits until a condition holds; fails after a minute.</summary>
    public static async Task EventuallyAsync(Func<bool> condition, string what)
    {
        for (var i = 0; i < 6000; i++)
        {
            if (condition())
            {
                return;
            }

            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Fail("never: " + what);
    }
}
