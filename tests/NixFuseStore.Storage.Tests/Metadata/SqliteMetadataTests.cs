using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage.Tests.Metadata;

public sealed class SqliteMetadataTests : MetadataContract
{
    private readonly TemporaryDirectory _directory = new();

    protected override string Uri => $"sqlite:{_directory["metadata.db"]}";

    [Fact]
    public async Task Open_FileThatIsNoDatabase_IsUnavailable()
    {
        await File.WriteAllTextAsync(_directory["other.db"], new string('x', 10_000), Token);

        var error = await Assert.ThrowsAsync<MetadataUnavailableException>(
            () => StorageFactory.OpenMetadataAsync($"sqlite:{_directory["other.db"]}", Token));

        Assert.Contains("other.db", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    protected override Task MakeCopyAsync()
    {
        File.Copy(_directory["metadata.db"], _directory["backup.db"]);
        return Task.CompletedTask;
    }

    protected override Task PutCopyBackAsync()
    {
        // The last connection that closed has put its log into the file and taken it away.
        Assert.False(File.Exists(_directory["metadata.db-wal"]));
        File.Copy(_directory["backup.db"], _directory["metadata.db"], overwrite: true);
        return Task.CompletedTask;
    }

    private protected override SqlDialect OpenDialect() => new SqliteDialect(_directory["metadata.db"]);

    protected override Task PrepareAsync() => Task.CompletedTask;

    protected override ValueTask CleanUpAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
