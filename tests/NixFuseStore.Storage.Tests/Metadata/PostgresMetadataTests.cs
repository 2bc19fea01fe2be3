using NixFuseStore.Testing.Databases;

namespace NixFuseStore.Storage.Tests.Metadata;

public sealed class PostgresMetadataTests(PostgresServer server) : MetadataContract
{
    private string _uri = "";

    protected override string Uri => _uri;

    protected override async Task PrepareAsync()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        _uri = await server.CreateDatabaseAsync();
    }

    protected override ValueTask CleanUpAsync() => ValueTask.CompletedTask;
}
