using System.Text;
using NixFuseStore.Cache;
using NixFuseStore.Client.Server;
using NixFuseStore.Client.Trees;
using NixFuseStore.Content;

namespace NixFuseStore.Client.Tests.Fixtures;

internal static class ReaderExtensions
{
    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public static Task<StoreReader> OpenAsync(this ServerConnection connection, StoreReaderOptions? options = null, IChunkCache? cache = null) =>
        StoreReader.OpenAsync(connection, Task.FromResult(cache), options, Token);

    public static async Task<PathHandle> FindAsync(this StoreReader reader, SourcePath path)
    {
        var handle = await reader.FindAsync(path.Path, Token);
        Assert.NotNull(handle);
        return handle;
    }

    /// <summary>Walks down from the root.</summary>
    public static int Entry(this ManifestTree tree, string path)
    {
        var entry = 0;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.True(tree.TryFind(entry, Encoding.UTF8.GetBytes(part), out entry), $"{part} of {path} is not there");
        }

        return entry;
    }

    public static async Task<byte[]> ReadAsync(this StoreReader reader, PathHandle handle, int entry, long offset = 0, int length = 16 << 20)
    {
        using var lease = await reader.ReadAsync(handle, entry, (ulong)offset, length, Token);
        var bytes = new byte[lease.Length];
        lease.CopyTo(bytes);
        return bytes;
    }

    public static async Task<byte[]> ReadFileAsync(this StoreReader reader, SourcePath path, string file)
    {
        var handle = await reader.FindAsync(path);
        var tree = await reader.GetTreeAsync(handle, Token);
        return await reader.ReadAsync(handle, tree.Entry(file));
    }

    /// <summary>Waits until something holds, for a minute at most.</summary>
    public static async Task EventuallyAsync(Func<bool> condition, string what)
    {
        for (var i = 0; i < 6000 && !condition(); i++)
        {
            await Task.Delay(10, Token);
        }

        Assert.True(condition(), what);
    }
}
