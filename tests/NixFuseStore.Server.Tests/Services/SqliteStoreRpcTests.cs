namespace NixFuseStore.Server.Tests.Services;

public sealed class SqliteStoreRpcTests : StoreRpcTests
{
    protected override Task<string?> CreateDatabaseAsync() => Task.FromResult<string?>(null);
}
