using Xunit;

namespace NixFuseStore.Cache.Tests;

public sealed class LockTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Open_DirectoryInUse_SaysByWhom()
    {
        var options = new ChunkCacheOptions { Directory = _directory.Path, SizeBytesMax = 64L << 20 };
        await using (await ChunkCache.OpenAsync(options, TestContext.Current.CancellationToken))
        {
            var refused = Assert.Throws<CacheInUseException>(() => ChunkCache.OpenInBackground(options));
            Assert.Equal(Environment.ProcessId, refused.HolderProcessId);
            Assert.Contains(_directory.Path, refused.Message);
            Assert.Contains($"process {Environment.ProcessId}", refused.Message);
        }

        await using var again = await ChunkCache.OpenAsync(options, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Open_DirectoryCannotBeMade_Throws()
    {
        var file = Path.Combine(_directory.Path, "file");
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        var failure = await Assert.ThrowsAnyAsync<IOException>(
            () => ChunkCache.OpenAsync(new ChunkCacheOptions { Directory = file }, TestContext.Current.CancellationToken));
        Assert.IsNotType<CacheInUseException>(failure);
        Assert.False(failure.Message.Contains('\n'));
    }
}
