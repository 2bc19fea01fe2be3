using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.BinaryCache;

/// <summary>A test against a server of its own, seen as a binary cache.</summary>
public abstract class CacheTest : IAsyncLifetime
{
    internal TestServer Server { get; private set; } = null!;

    internal CacheClient Cache { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Server = await TestServer.StartAsync();
        Cache = new CacheClient(Server);
    }

    public async ValueTask DisposeAsync()
    {
        Cache.Dispose();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}
