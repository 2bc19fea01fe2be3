using Microsoft.Data.Sqlite;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Testing.Stores;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>Small registrations that wait for one another.</summary>
public sealed class RegistrationGroupsTests
{
    [Fact]
    public async Task Register_CallersThatHaveGone_ArePassedOver()
    {
        await using var server = await TestServer.StartAsync();
        var file = Assert.Single(Directory.GetFiles(server.Storage.DataDirectory, "metadata.sqlite"));
        SamplePath[] abandoned = [.. Enumerable.Range(0, 20).Select(number => SamplePath.Create($"abandoned-{number}", FakeTree.File($"{number}")))];
        var kept = SamplePath.Create("kept", FakeTree.File("kept"));

        // 1. Another process writes, so the first registration waits for the database, and all others for the first.
        var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync(TestServer.Cancellation);
        await ExecuteAsync(connection, "BEGIN IMMEDIATE");
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
        await ExecuteAsync(connection, "ROLLBACK");
        await connection.DisposeAsync();
        Assert.Equal(RegisterPathResult.Types.Outcome.Registered, (await first).Outcome);
        Assert.Equal(RegisterPathResult.Types.Outcome.Registered, (await last).Outcome);

        var request = new QueryPathsRequest { Store = "main" };
        request.HashParts.AddRange(abandoned.Select(path => path.Path.HashPart));
        Assert.Empty((await server.Client.QueryPathsAsync(request)).Paths);
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
