using NixFuseStore.Client.Server;
using NixFuseStore.Testing.Faults;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>A test with a server of its own, a way to it that can be broken, paths to push, and readers that are closed at the end.</summary>
/// <param name="seed">Of the paths' contents.</param>
public abstract class ReaderTest(int seed) : IAsyncLifetime
{
    private readonly List<ServerConnection> _connections = [];

    internal SourceStore Source { get; } = new(seed);

    internal TestServer Server { get; private set; } = null!;

    internal TamperingProxy Proxy { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Server = await TestServer.StartAsync();
        Proxy = new TamperingProxy(Server.Address);
    }

    public virtual async ValueTask DisposeAsync()
    {
        _connections.ForEach(connection => connection.Dispose());
        await Proxy.DisposeAsync();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    internal Task<StoreReader> ConnectAsync()
    {
        var connection = Server.Connect();
        _connections.Add(connection);
        return connection.OpenAsync();
    }
}
