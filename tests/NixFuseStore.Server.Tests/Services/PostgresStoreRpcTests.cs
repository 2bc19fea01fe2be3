using NixFuseStore.Testing.Databases;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

public sealed class PostgresStoreRpcTests(PostgresServer postgres) : StoreRpcTests
{
    protected override async Task<string?> CreateDatabaseAsync()
    {
        Assert.SkipWhen(PostgresServer.WhyMissing is not null, PostgresServer.WhyMissing ?? "");
        return await postgres.CreateDatabaseAsync();
    }
}
