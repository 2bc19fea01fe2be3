using NixFuseStore.Content;
using Xunit;

namespace NixFuseStore.Cache.Tests;

public sealed class ChunkMemoryTests
{
    [Fact]
    public void Add_BeyondTheBound_LetsGoOfWhatWasNotUsedForLongest()
    {
        using var memory = new ChunkMemory(10_000);
        for (var i = 0; i < 10; i++)
        {
            Add(memory, i, 1000);
        }

        Assert.True(memory.TryGet(CacheTesting.Id(0, 1000), out var used));
        used.Release();
        Add(memory, 10, 1000);
        Assert.True(memory.Contains(CacheTesting.Id(0, 1000)));
        Assert.False(memory.Contains(CacheTesting.Id(1, 1000)));
        Assert.Equal(10_000, memory.Bytes);
        Assert.Equal(10, memory.Count);
    }

    [Fact]
    public void TryGet_ChunkThatFallsOut_LivesOnWithWhoeverHasIt()
    {
        using var memory = new ChunkMemory(8000);
        Add(memory, 0, 1000);
        Assert.True(memory.TryGet(CacheTesting.Id(0, 1000), out var held));
        for (var i = 1; i < 20; i++)
        {
            Add(memory, i, 1000);
        }

        Assert.False(memory.Contains(CacheTesting.Id(0, 1000)));
        Assert.Equal(CacheTesting.Id(0, 1000), ChunkId.Compute(held.Span));
        held.Release();
        Assert.False(held.TryAddReference());
    }

    [Fact]
    public void Dispose_GivesBackEveryReference()
    {
        var memory = new ChunkMemory(1 << 20);
        var chunk = CacheTesting.Chunk(1, 1000);
        memory.Add(ChunkId.Compute(chunk.Span), chunk);
        memory.Dispose();
        memory.Add(ChunkId.Compute(chunk.Span), chunk);
        Assert.Equal(0, memory.Count);
        chunk.Release();
        Assert.False(chunk.TryAddReference());
    }

    [Fact]
    public async Task ManyThreads_AddAndGet_NeverSeeAReleasedChunk()
    {
        using var memory = new ChunkMemory(50_000);
        var ids = Enumerable.Range(0, 100).Select(i => CacheTesting.Id(i, 1000)).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Run(
            () =>
            {
                var random = new Random(worker);
                for (var i = 0; i < 5000; i++)
                {
                    var at = random.Next(ids.Length);
                    if (memory.TryGet(ids[at], out var chunk))
                    {
                        Assert.Equal(ids[at], ChunkId.Compute(chunk.Span));
                        chunk.Release();
                    }
                    else
                    {
                        Add(memory, at, 1000);
                    }
                }
            },
            TestContext.Current.CancellationToken)));
        Assert.True(memory.Bytes <= memory.BytesMax);
    }

    private static void Add(ChunkMemory memory, int seed, int length)
    {
        var chunk = CacheTesting.Chunk(seed, length);
        memory.Add(ChunkId.Compute(chunk.Span), chunk);
        chunk.Release();
    }
}
