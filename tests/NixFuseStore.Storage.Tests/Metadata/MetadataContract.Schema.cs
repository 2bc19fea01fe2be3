using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage.Tests.Metadata;

public abstract partial class MetadataContract
{
    [Fact]
    public async Task Open_SchemaOfANewerProgram_IsRefusedWithAdvice()
    {
        await using (var dialect = OpenDialect())
        {
            await using var session = await dialect.OpenWriteAsync(durable: true, Token);
            await session.ExecuteAsync("INSERT INTO schema_versions (version, applied) VALUES (999, 0)", Token);
            await session.CommitAsync(Token);
        }

        var error = await Assert.ThrowsAsync<MetadataUnavailableException>(() => OpenUnlistedAsync());

        Assert.Contains("schema version 999", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task References_ToNoPath_AreRefusedByTheDatabaseItself()
    {
        await using var dialect = OpenDialect();
        await using var session = await dialect.OpenWriteAsync(durable: false, Token);

        var error = await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(
            () => session.ExecuteAsync("INSERT INTO path_references (referrer, reference) VALUES (1, 2)", Token));

        Assert.Null(dialect.WhyUnavailable(error));
    }

    [Fact]
    public async Task Session_WithoutCommit_LeavesNothing()
    {
        await using var dialect = OpenDialect();
        await using (var session = await dialect.OpenWriteAsync(durable: false, Token))
        {
            await session.ExecuteAsync("UPDATE stores SET name = 'changed'", Token);
        }

        Assert.NotNull(await Metadata.FindStoreAsync("main", Token));
    }

    private protected abstract SqlDialect OpenDialect();
}
