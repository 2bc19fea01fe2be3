using System.Security.Cryptography;
using NixFuseStore.Cache;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>What readers rely on: the cache in memory, which their tests use, answers as the one on disk does.</summary>
public abstract class ChunkCacheContract : IAsyncLifetime
{
    private static readonly byte[][] Contents = [.. Enumerable.Range(1, 4).Select(i => RandomNumberGenerator.GetBytes(i * 10_000))];
    private static readonly ChunkId[] Ids = [.. Contents.Select(content => ChunkId.Compute(content))];

    private IChunkCache _cache = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _cache = await OpenAsync();
        foreach (var (content, id) in Contents.Zip(Ids).SkipLast(1))
        {
            var chunk = ChunkBuffer.Allocate(content.Length);
            content.CopyTo(chunk.Span);
            Assert.True(_cache.Offer(chunk, id));
            chunk.Release();
        }

        await ReaderExtensions.EventuallyAsync(() => Ids.SkipLast(1).All(id => _cache.Contains(id)), "what was offered is not kept");
    }

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(20_000)]
    [InlineData(-1)]
    public async Task TryGet_ChunkThatWasOffered_IsWhole(int length)
    {
        var chunk = await _cache.TryGetAsync(Ids[1], length, Token);

        Assert.NotNull(chunk);
        Assert.Equal(Contents[1], chunk.Span);
        chunk.Release();
    }

    [Fact]
    public async Task TryGet_AnotherLength_IsMissing() => Assert.Null(await _cache.TryGetAsync(Ids[1], 20_001, Token));

    [Fact]
    public async Task TryGet_ChunkThatWasNotOffered_IsMissing()
    {
        Assert.False(_cache.Contains(Ids[3]));
        Assert.Null(await _cache.TryGetAsync(Ids[3], Contents[3].Length, Token));
        Assert.False(_cache.TryGetFromMemory(Ids[3], out _));
    }

    private protected abstract Task<IChunkCache> OpenAsync();
}

/// <summary>The cache in memory.</summary>
public sealed class MemoryChunkCacheTests : ChunkCacheContract
{
    private protected override Task<IChunkCache> OpenAsync() => Task.FromResult<IChunkCache>(new MemoryChunkCache());
}

/// <summary>The cache on disk.</summary>
public sealed class DiskChunkCacheTests : ChunkCacheContract
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-cache-").FullName;

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private protected override async Task<IChunkCache> OpenAsync()
    {
        var cache = ChunkCache.OpenInBackground(new ChunkCacheOptions { Directory = _directory, SizeBytesMax = 64 << 20 });
        await cache.WaitUntilOpenAsync();
        return cache;
    }
}
