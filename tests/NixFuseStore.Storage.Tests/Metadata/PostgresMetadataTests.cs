using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;
using NixFuseStore.Testing.Databases;

namespace NixFuseStore.Storage.Tests.Metadata;

public sealed class PostgresMetadataTests(PostgresServer server) : MetadataContract
{
    private string _uri = "";

    protected override string Uri => _uri;

    [Fact]
    public async Task Listen_HearsARegistrationOfAnotherConnection()
    {
        var sample = SamplePath.Create("heard");
        await SamplePath.IndexAsync(Metadata, Main, sample);
        var heard = new TaskCompletionSource<(StoreId Store, EventPosition Head)>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var dialect = OpenDialect();
        var listening = dialect.ListenAsync((store, head) => heard.TrySetResult((store, head)), stop.Token);
        await ListensAsync();

        await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [sample.Registration], cancellationToken: Token);

        Assert.Equal((Main, await Metadata.GetHeadEventAsync(Main, Token)), await heard.Task.WaitAsync(TimeSpan.FromSeconds(60), Token));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => listening);
    }

    /// <summary>Until the database says that a connection's last statement was the one that listens.</summary>
    private async Task ListensAsync()
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(PostgresUri.ToConnectionString(_uri));
        await using var command = source.CreateCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN %'");
        while ((long)(await command.ExecuteScalarAsync(Token))! == 0)
        {
            await Task.Delay(5, Token);
        }
    }

    protected override Task MakeCopyAsync() => server.BackUpAsync(_uri);

    protected override Task PutCopyBackAsync() => server.RestoreAsync(_uri);

    private protected override SqlDialect OpenDialect() => new PostgresDialect(PostgresUri.ToConnectionString(_uri));

    protected override async Task PrepareAsync()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        _uri = await server.CreateDatabaseAsync();
    }

    protected override ValueTask CleanUpAsync() => ValueTask.CompletedTask;
}
