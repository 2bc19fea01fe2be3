using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Client.Server;

/// <summary>Both planes of one server. Connects when first used. All members may be called from any thread.</summary>
public sealed class ServerEndpoint : IDisposable
{
    private readonly RpcChannel _channel;
    private bool _wasHeard;

    internal ServerEndpoint(TransportOptions options)
    {
        Address = options.Address;
        _channel = new RpcChannel(options);
        Store = new StoreClient(_channel);
        Data = new DataPlaneClient(options);
    }

    /// <summary>The server's address.</summary>
    public Uri Address { get; }

    /// <summary>Whether the server was ever heard: then its address is right, and what fails later has other reasons.</summary>
    internal bool WasHeard
    {
        get => Volatile.Read(ref _wasHeard);
        set => Volatile.Write(ref _wasHeard, value);
    }

    /// <summary>The control plane.</summary>
    public StoreClient Store { get; }

    /// <summary>The data plane.</summary>
    public DataPlaneClient Data { get; }

    /// <summary>Closes the connections.</summary>
    public void Dispose()
    {
        _channel.Dispose();
        Data.Dispose();
    }
}
