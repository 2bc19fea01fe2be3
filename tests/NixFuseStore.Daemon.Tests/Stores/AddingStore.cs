using NixFuseStore.Cli.Daemon;
using NixFuseStore.Client;
using NixFuseStore.Client.Adding;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Server.Hosting;

namespace NixFuseStore.Daemon.Tests.Stores;

/// <summary>A store that a daemon adds to, and what is in it then.</summary>
internal abstract class AddingStore : IAsyncDisposable
{
    /// <summary>As the daemon sees it.</summary>
    public abstract IDaemonStore Daemon { get; }

    /// <summary>What is valid, in order.</summary>
    public abstract Task<IReadOnlyCollection<StorePath>> PathsAsync();

    /// <summary>The NAR of a valid path.</summary>
    public abstract Task<byte[]> NarAsync(StorePath path);

    public abstract ValueTask DisposeAsync();
}

/// <summary>In memory.</summary>
internal sealed class MemoryAddingStore : AddingStore
{
    private readonly MemoryDaemonStore _store = new();

    public override IDaemonStore Daemon => _store;

    public override Task<IReadOnlyCollection<StorePath>> PathsAsync() => Task.FromResult<IReadOnlyCollection<StorePath>>([.. _store.Paths]);

    public override Task<byte[]> NarAsync(StorePath path) => Task.FromResult(_store.GetNar(path));

    public override ValueTask DisposeAsync() => default;
}

/// <summary>The store of a mount. What is added is seen through another host, once the server has registered it.</summary>
internal sealed class ServedAddingStore : AddingStore
{
    private readonly DirectoryInfo _directory;
    private readonly StoreServer _server;
    private readonly ServerConnection _connection;
    private readonly StoreReader _reader;
    private readonly MountedStore _store;
    private readonly StoreReader _other;

    private ServedAddingStore(DirectoryInfo directory, StoreServer server, ServerConnection connection, StoreReader reader, StoreReader other)
    {
        _directory = directory;
        _server = server;
        _connection = connection;
        _reader = reader;
        _other = other;

        // Without a journal, so that each answer is the server's.
        _store = new MountedStore(connection, reader, new StoreWriterOptions(), static _ => { });
    }

    public override IDaemonStore Daemon => _store;

    public static async Task<AddingStore> StartAsync()
    {
        var directory = Directory.CreateTempSubdirectory("nixfuse-adding-");
        var server = await StoreServer.StartAsync(
            new ServerOptions(new StorageOptions(directory.FullName), ["http://127.0.0.1:0"]) { Log = TextWriter.Null });
        var connection = new ServerConnection(new ServerConnectionOptions { Servers = [new Uri(server.Addresses[0])] });
        return new ServedAddingStore(directory, server, connection, await OpenAsync(connection), await OpenAsync(connection));
    }

    public override async Task<IReadOnlyCollection<StorePath>> PathsAsync() => await _other.ListValidAsync(TestContext.Current.CancellationToken);

    public override async Task<byte[]> NarAsync(StorePath path)
    {
        var handle = await _other.FindWithClosureAsync(path, TestContext.Current.CancellationToken);
        Assert.NotNull(handle);
        using var nar = new MemoryStream();
        await _other.WriteNarAsync(handle, nar, TestContext.Current.CancellationToken);
        return nar.ToArray();
    }

    public override async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        await _reader.DisposeAsync();
        await _other.DisposeAsync();
        _connection.Dispose();
        await _server.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private static Task<StoreReader> OpenAsync(ServerConnection connection) =>
        StoreReader.OpenAsync(connection, Task.FromResult<Cache.IChunkCache?>(null), null, TestContext.Current.CancellationToken);
}
