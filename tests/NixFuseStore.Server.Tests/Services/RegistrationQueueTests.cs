using Grpc.Core;
using Microsoft.Data.Sqlite;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Testing.Stores;
using Xunit;

namespace NixFuseStore.Server.Tests.Services;

/// <summary>Small registrations that wait for one another.</summary>
public sealed class RegistrationQueueTests
{
    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _registered = [];

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
    public async Task Register_CallersWithTheSameRights_GoTogether_AndOthersDoNot()
    {
        var (here, there) = (new StoreId(1), new StoreId(2));
        var queue = new RegistrationQueue(RegisterAsync);
        var first = queue.RegisterAsync(Store, Caller(1, here), [Named("first")], TestServer.Cancellation);
        await RunsAsync("first");
        Task[] waiting =
        [
            queue.RegisterAsync(Store, Caller(2, here), [Named("a"), Named("b")], TestServer.Cancellation),
            queue.RegisterAsync(Store, Caller(3, here), [Named("c")], TestServer.Cancellation),
            queue.RegisterAsync(Store, Caller(4, here, there), [Named("other")], TestServer.Cancellation),
        ];
        await RunsAsync("other");
        _gate.SetResult();
        await first;
        await Task.WhenAll(waiting);

        Assert.Equal(["first", "other", "a b c"], _registered);
    }

    [Fact]
    public async Task Register_MoreThanTheBoundOfOneCaller_AreRefusedAndTheOthersGoOn()
    {
        var queue = new RegistrationQueue(RegisterAsync);
        var (caller, other) = (Caller(1, new StoreId(1)), Caller(2, new StoreId(1)));
        var first = queue.RegisterAsync(Store, caller, [Named("first")], TestServer.Cancellation);
        await RunsAsync("first");
        Task[] waiting = [.. Enumerable.Range(0, RegistrationQueue.WaitingMax).Select(i => queue.RegisterAsync(Store, caller, [Named($"{i}")], TestServer.Cancellation))];

        var refused = await Assert.ThrowsAsync<RpcException>(() => queue.RegisterAsync(Store, caller, [Named("refused")], TestServer.Cancellation));
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        Assert.Contains($"{RegistrationQueue.WaitingMax}", refused.Message, StringComparison.Ordinal);
        var others = queue.RegisterAsync(Store, other, [Named("others")], TestServer.Cancellation);

        _gate.SetResult();
        await first;
        await Task.WhenAll(waiting);
        await others;
        Assert.Equal(RegistrationQueue.WaitingMax + 2, _registered.Sum(static names => names.Split(' ').Length));
    }

    [Fact]
    public async Task Register_TogetherFails_EachGoesAloneAndHasItsOwnFailure()
    {
        var queue = new RegistrationQueue(RegisterAsync);
        var caller = Caller(1, new StoreId(1));
        var first = queue.RegisterAsync(Store, caller, [Named("first")], TestServer.Cancellation);
        await RunsAsync("first");
        var good = queue.RegisterAsync(Store, caller, [Named("good")], TestServer.Cancellation);
        var bad = queue.RegisterAsync(Store, caller, [Named("bad")], TestServer.Cancellation);
        _gate.SetResult();

        await first;
        await good;
        await Assert.ThrowsAsync<InvalidOperationException>(() => bad);
    }

    private static StoreRecord Store { get; } = new(new StoreId(1), "main", "/nix/store", [], 1, default);

    private static Principal Caller(long id, params StoreId[] stores) => Principal.Of(new TokenRecord(
        id, "test", AccessRights.None, stores.ToDictionary(static store => store, static _ => AccessRights.Read | AccessRights.Write), 0, null, null));

    private static NewPath Named(string name) => new() { Path = new PathRecord { BaseName = name } };

    // The first runs until the gate opens.
    private async Task<RegisterPathsResponse> RegisterAsync(StoreRecord store, IReadOnlyList<SubmittedBatch> batches, CancellationToken cancellation)
    {
        string[] names = [.. batches.SelectMany(static batch => batch.Paths).Select(static path => path.Path.BaseName)];
        lock (_registered)
        {
            _registered.Add(string.Join(' ', names));
        }

        await _gate.Task.WaitAsync(cancellation);
        if (names.Contains("bad"))
        {
            throw new InvalidOperationException("bad");
        }

        var response = new RegisterPathsResponse();
        response.Results.AddRange(names.Select(static _ => new RegisterPathResult()));
        return response;
    }

    private Task<TimeSpan> RunsAsync(string names) => Eventually.HoldsAsync(() =>
    {
        lock (_registered)
        {
            return Task.FromResult(_registered.Contains(names));
        }
    });

    // Another process writes: the first registration waits for the database, and all others for the first, until it is disposed.
    private static async Task<SqliteConnection> LockDatabaseAsync(TestServer server)
    {
        var file = Assert.Single(Directory.GetFiles(server.Storage.DataDirectory, "metadata.sqlite"));
        var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        await connection.OpenAsync(TestServer.Cancellation);
        await ExecuteAsync(connection, "BEGIN IMMEDIATE");
        return connection;
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
