using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage.Tests.Metadata;

public sealed class SqliteMetadataTests : MetadataContract
{
    private readonly TemporaryDirectory _directory = new();

    protected override string Uri => $"sqlite:{_directory["data/metadata.db"]}";

    [Fact]
    public async Task Open_FileThatIsNoDatabase_IsUnavailable()
    {
        await File.WriteAllTextAsync(_directory["other.db"], new string('x', 10_000), Token);

        var error = await Assert.ThrowsAsync<MetadataUnavailableException>(
            () => StorageFactory.OpenMetadataAsync($"sqlite:{_directory["other.db"]}", Token));

        Assert.Contains("other.db", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private protected override SqlDialect OpenDialect() => new SqliteDialect(_directory["data/metadata.db"]);

    protected override Task PrepareAsync() => Task.CompletedTask;

    protected override ValueTask CleanUpAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }
}
