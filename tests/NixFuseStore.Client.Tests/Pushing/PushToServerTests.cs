using System.Text;
using NixFuseStore.Client.Catalog;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Nix.LocalStores;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Testing.LocalStores;

namespace NixFuseStore.Client.Tests.Pushing;

/// <summary>Pushes to real servers over real sockets.</summary>
public sealed class PushToServerTests : IDisposable
{
    private const int PathCount = 16;

    private readonly FakeLocalStore _local = new();
    private readonly string _data = Directory.CreateTempSubdirectory("push-server-").FullName;
    private readonly PathInfo[] _paths;
    private readonly PathInfo _top;

    public PushToServerTests()
    {
        var paths = new List<PathInfo>();
        for (int i = 0; i < PathCount; i++)
        {
            StorePath[] references = [.. paths.TakeLast(3).Select(info => info.Path)];
            byte[] text = Encoding.ASCII.GetBytes(string.Concat(references.Select(reference => StoreDirectory.Default.Print(reference) + "\n")));
            paths.Add(_local.AddFile($"package-{i}", [.. PusherTests.Noise(i, 700_000), .. text], references));
        }

        _paths = [.. paths];
        _top = paths[^1];
        _local.Save();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _local.Dispose();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task Push_Closure_IsThereVerifiedAndSentOnce()
    {
        await using var server = await StartAsync();
        using var connection = Connect(server);
        var (first, firstProgress) = await PushAsync(connection);
        var (second, secondProgress) = await PushAsync(connection);

        Assert.Equal(PathCount, first.Count(PushOutcome.Registered));
        Assert.Equal(PathCount, second.Count(PushOutcome.AlreadyValid));
        Assert.True(firstProgress.PlainBytesSent >= PathCount * 700_000L);
        Assert.Equal(0, secondProgress.ChunksSent);
        await AssertWholeAsync(connection);
    }

    [Fact]
    public async Task Push_TwoAtOnce_BothSucceedAndEachPathIsRegisteredOnce()
    {
        await using var server = await StartAsync();
        using var connection = Connect(server);
        using var other = Connect(server);
        var results = await Task.WhenAll(PushAsync(connection), PushAsync(other));

        Assert.All(results, result => Assert.True(result.Result.IsComplete, string.Join('\n', result.Result.Paths.Select(path => path.Message))));
        Assert.Equal(PathCount, results.Sum(result => result.Result.Count(PushOutcome.Registered)));
        await AssertWholeAsync(connection);
    }

    [Fact]
    public async Task Push_ServerRestartsInTheMiddle_GoesOn()
    {
        var server = await StartAsync();
        string address = server.Addresses[0];
        using var connection = Connect(server);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int seen = 0;
        var pushing = PushAsync(connection, _ =>
        {
            if (Interlocked.Increment(ref seen) == 3)
            {
                stopped.SetResult();
            }
        });
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(60), Token);
        await server.DisposeAsync();
        await Task.Delay(500, Token);
        await using var again = await StartAsync(address);

        var (result, _) = await pushing;
        Assert.True(result.IsComplete, string.Join('\n', result.Paths.Select(path => path.Message)));
        await AssertWholeAsync(connection);
    }

    [Fact]
    public async Task Push_StoppedAndRepeated_EveryListedPathIsWhole()
    {
        await using var server = await StartAsync();
        using var connection = Connect(server);
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Token);
        int seen = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PushAsync(
            connection,
            _ =>
            {
                if (Interlocked.Increment(ref seen) == 3)
                {
                    source.Cancel();
                }
            },
            source.Token));

        var (result, _) = await PushAsync(connection);
        Assert.True(result.IsComplete);
        await AssertWholeAsync(connection);
    }

    [Fact]
    public async Task Catalog_ListAndClosure_TellWhatWasPushed()
    {
        await using var server = await StartAsync();
        using var connection = Connect(server);
        await PushAsync(connection);
        var catalog = await StoreCatalog.OpenAsync(connection, [], Token);

        var listed = new List<string>();
        await foreach (var entry in catalog.ListAsync("", Token))
        {
            listed.Add(entry.BaseName);
        }

        Assert.Equal(_paths.Select(info => info.Path.BaseName).Order(StringComparer.Ordinal), listed);
        string prefix = _top.Path.BaseName[..5];
        Assert.Contains(_top.Path.BaseName, await NamesAsync(catalog, prefix));
        Assert.All(await NamesAsync(catalog, prefix), name => Assert.StartsWith(prefix, name, StringComparison.Ordinal));

        var missing = StorePath.ParseBaseName("nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt");
        var one = await catalog.QueryAsync([_top.Path, missing], closure: false, Token);
        Assert.Equal(_top.Path, Assert.Single(one.Paths).Handle.Path);
        Assert.Equal([missing.BaseName], one.NotValid);

        // Another name with the same hash part is another path.
        var renamed = StorePath.ParseBaseName(_top.Path.HashPart + "-other");
        var other = await catalog.QueryAsync([renamed], closure: false, Token);
        Assert.Empty(other.Paths);
        Assert.Equal([renamed.BaseName], other.NotValid);
    }

    private async Task<(PushResult Result, PushProgress Progress)> PushAsync(
        ServerConnection connection, Action<PushedPath>? pathDone = null, CancellationToken? cancellationToken = null)
    {
        using var store = LocalNixStore.Open(_local.Root);
        var pusher = new Pusher(connection, store, new PushOptions { ChunkBytesHeldMax = 2 << 20 }) { PathDone = pathDone };
        var result = await pusher.PushAsync([_top.Path], cancellationToken ?? Token);
        return (result, pusher.Progress);
    }

    private async Task AssertWholeAsync(ServerConnection connection)
    {
        var catalog = await StoreCatalog.OpenAsync(connection, [], Token);
        var answer = await catalog.QueryAsync([_top.Path], closure: true, Token);
        Assert.Empty(answer.NotValid);
        var records = answer.Paths.ToDictionary(path => path.Handle.Path, path => path.Handle.Info);
        Assert.Equal(PathCount, records.Count);
        foreach (var info in _paths)
        {
            Assert.Equal(info.NarHash, records[info.Path].NarHash);
            Assert.Equal(info.References, records[info.Path].References);
        }
    }

    private static async Task<List<string>> NamesAsync(StoreCatalog catalog, string prefix)
    {
        var names = new List<string>();
        await foreach (var entry in catalog.ListAsync(prefix, Token))
        {
            names.Add(entry.BaseName);
        }

        return names;
    }

    private static ServerConnection Connect(StoreServer server) => new(new ServerConnectionOptions { Servers = [new Uri(server.Addresses[0])] });

    private Task<StoreServer> StartAsync(string address = "http://127.0.0.1:0") =>
        StoreServer.StartAsync(new ServerOptions(new StorageOptions(_data), [address]) { Log = TextWriter.Null }, Token);
}
