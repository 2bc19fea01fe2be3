using NixFuseStore.Cache;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Tests.Reading;

/// <summary>Prefetching into a real cache on disk.</summary>
public sealed class PrefetchTests() : ReaderTest(8)
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-cache-").FullName;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Prefetch_Closure_MakesAllReadableWithoutTheServer()
    {
        var low = Source.Path("low", Source.Tree());
        var top = Source.Path("top", Source.Tree(), low);
        await Server.PushAsync(low, top);
        var options = new ChunkCacheOptions { Directory = Path.Combine(_directory, "chunks"), SizeBytesMax = 256 << 20, FreeBytesReserve = 0 };
        await using (var cache = await ChunkCache.OpenAsync(options, TestContext.Current.CancellationToken))
        {
            using var connection = Server.Connect(Proxy.Address);
            await using var reader = await connection.OpenAsync(Options(), cache);
            var closure = await reader.FindClosureAsync([top.Path], ReaderExtensions.Token);
            Assert.Equal(new[] { top.Path, low.Path }, closure.Select(h => h.Path));

            var first = await reader.PrefetchAsync(closure, null, ReaderExtensions.Token);
            var second = await reader.PrefetchAsync(closure, null, ReaderExtensions.Token);

            Assert.Equal(low.Chunks.Concat(top.Chunks).DistinctBy(c => c.Key).Sum(c => (long)c.Value.Length), first.BytesTotal);
            Assert.Equal(first.BytesTotal, first.BytesFetched);
            Assert.Equal((first.BytesTotal, 0), (second.BytesPresent, second.BytesFetched));
        }

        Proxy.Refuse();
        await using (var cache = await ChunkCache.OpenAsync(options, TestContext.Current.CancellationToken))
        {
            using var connection = Server.Connect(Proxy.Address);
            await using var reader = await connection.OpenAsync(Options(), cache);
            foreach (var path in new[] { low, top })
            {
                var handle = await reader.FindAsync(path);
                var tree = await reader.GetTreeAsync(handle, ReaderExtensions.Token);
                for (var entry = 0; entry < tree.Count; entry++)
                {
                    if (tree.Kind(entry) == EntryKind.Regular)
                    {
                        Assert.Equal((int)tree.Size(entry), (await reader.ReadAsync(handle, entry)).Length);
                    }
                }
            }
        }
    }

    [Fact]
    public async Task Prefetch_WithoutCache_SaysSo()
    {
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();

        await Assert.ThrowsAsync<StoreClientException>(() => reader.PrefetchAsync([], null, ReaderExtensions.Token));
    }

    [Fact]
    public async Task FindClosure_PathNotValid_NamesIt()
    {
        var absent = Source.Path("absent", SourceEntry.File("x"));
        using var connection = Server.Connect();
        await using var reader = await connection.OpenAsync();

        var error = await Assert.ThrowsAsync<StoreClientException>(() => reader.FindClosureAsync([absent.Path], ReaderExtensions.Token));

        Assert.Contains(absent.Path.BaseName, error.Message, StringComparison.Ordinal);
    }

    private StoreReaderOptions Options() => new() { MetadataDirectory = Path.Combine(_directory, "metadata") };
}
