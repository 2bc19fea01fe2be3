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
        var heard = new TaskCompletionSource<(StoreId Store, ulong Head)>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var dialect = OpenDialect();
        var listening = dialect.ListenAsync((store, head) => heard.TrySetResult((store, head)), stop.Token);
        await Task.Delay(500, Token);

        await Metadata.RegisterPathsAsync(Main, ChunkScope.All, [sample.Registration], Token);

        Assert.Equal((Main, 1UL), await heard.Task.WaitAsync(TimeSpan.FromSeconds(20), Token));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => listening);
    }

    private protected override SqlDialect OpenDialect() => new PostgresDialect(PostgresUri.ToConnectionString(_uri));

    protected override async Task PrepareAsync()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        _uri = await server.CreateDatabaseAsync();
    }

    protected override ValueTask CleanUpAsync() => ValueTask.CompletedTask;
}
