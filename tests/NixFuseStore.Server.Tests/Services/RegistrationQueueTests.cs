using Grpc.Core;
using Microsoft.Data.Sqlite;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Stores;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>Small registrations that wait for one another.</summary>
public sealed class RegistrationQueueTests
{
    [Fact]
    public async Task Register_CallersThatHaveGone_ArePassedOver()
    {
        await using var server = await TestServer.StartAsync();
        SamplePath[] abandoned = [.. Enumerable.Range(0, 20).Select(number => SamplePath.Create($"abandoned-{number}", FakeTree.File($"{number}")))];
        var kept = SamplePath.Create("kept", FakeTree.File("kept"));

        // 1. Another process writes, so the first registration waits for the database, and all others for the first.
        var connection = await LockDatabaseAsync(server);
        using var cancellation = new CancellationTokenSource();
        var first = server.RegisterAsync(SamplePath.Create("first", FakeTree.File("first")).ToMessage());
        await Task.Delay(500, TestServer.Cancellation);
        var calls = Array.ConvertAll(abandoned, path => RegisterAsync(server, path, cancellation.Token));
        var last = server.RegisterAsync(kept.ToMessage());
        await Task.Delay(1_000, TestServer.Cancellation);

        // 2. Their callers go, and the server is told before the database is free.
        await cancellation.CancelAsync();
        foreach (var call in calls)
        {
            await Assert.ThrowsAnyAsync<Exception>(() => call);
        }

        // Long enough on a busy machine, too, and far less than the server waits for its database.
        await Task.Delay(3_000, TestServer.Cancellation);
        await connection.DisposeAsync();
        Assert.Equal(RegisterPathResult.Types.Outcome.Registered, (await first).Outcome);
        Assert.Equal(RegisterPathResult.Types.Outcome.Registered, (await last).Outcome);

        var request = new QueryPathsRequest { Store = "main" };
        request.HashParts.AddRange(abandoned.Select(path => path.Path.HashPart));
        Assert.Empty((await server.Client.QueryPathsAsync(request)).Paths);
    }

    [Fact]
    public async Task Register_CallersWithTheSameRights_GoTogether()
    {
        await using var server = await TestServer.StartAsync();
        var clients = new List<StoreClient>();
        for (var i = 0; i < 2; i++)
        {
            clients.Add(server.OpenClient((await server.CreateTokenAsync(AccessRights.Read | AccessRights.Write, "main")).Token));
        }

        var connection = await LockDatabaseAsync(server);
        var first = RegisterAsync(clients[0], "first");
        await Task.Delay(500, TestServer.Cancellation);
        var calls = Enumerable.Range(0, 20).Select(number => RegisterAsync(clients[number % 2], $"waiting-{number}")).ToArray();
        await Task.Delay(1_000, TestServer.Cancellation);
        await connection.DisposeAsync();
        await first;
        await Task.WhenAll(calls);

        // A line for each caller, of one transaction.
        Assert.Equal(2, server.Log.Split('\n').Count(static line => line.Contains("registered 10 of 10 paths", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Register_MoreThanTheBoundOfOneCaller_AreRefusedAndTheOthersGoOn()
    {
        await using var server = await TestServer.StartAsync();
        var connection = await LockDatabaseAsync(server);
        var first = RegisterAsync(server.Client, "first");
        await Task.Delay(500, TestServer.Cancellation);
        var calls = Enumerable.Range(0, RegistrationQueue.WaitingMax + 10).Select(number => RegisterAsync(server.Client, $"waiting-{number}")).ToArray();
        await Eventually.HoldsAsync(() => Task.FromResult(calls.Count(static call => call.IsFaulted) == 10));
        await connection.DisposeAsync();
        await first;

        await ((Task)Task.WhenAll(calls)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        foreach (var refused in calls.Where(static call => call.IsFaulted))
        {
            var reason = await Assert.ThrowsAsync<RpcException>(() => refused);
            Assert.Equal(StatusCode.Unavailable, reason.StatusCode);
            Assert.Contains($"{RegistrationQueue.WaitingMax}", reason.Message, StringComparison.Ordinal);
        }

        Assert.Equal(10, calls.Count(static call => call.IsFaulted));
    }

    // Another process writes: the first registration waits for the database, and all others for the first, until it is disposed.
    private static async Task<SqliteConnection> LockDatabaseAsync(TestServer server)
    {
        var file = Assert.Single(Directory.GetFiles(server.Storage.DataDirectory, "metadata.sqlite"));
        var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync(TestServer.Cancellation);
        await ExecuteAsync(connection, "BEGIN IMMEDIATE");
        return connection;
    }

    private static async Task RegisterAsync(StoreClient client, string name)
    {
        var request = new RegisterPathsRequest { Store = "main" };
        request.Paths.Add(SamplePath.Create(name, FakeTree.File(name)).ToMessage());
        var response = await client.RegisterPathsAsync(request, null, TestServer.Cancellation);
        Assert.Equal(RegisterPathResult.Types.Outcome.Registered, response.Results.Single().Outcome);
    }

    private static async Task RegisterAsync(TestServer server, SamplePath path, CancellationToken cancellation)
    {
        var request = new RegisterPathsRequest { Store = "main" };
        request.Paths.Add(path.ToMessage());
        await server.Client.RegisterPathsAsync(request, null, cancellation);
    }

    private static async Task ExecuteAsync(SqliteConnection connection, string statement)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = statement;
        await command.ExecuteNonQueryAsync(TestServer.Cancellation);
    }
}
