using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Connections;
using NixFuseStore.Protocol.DataPlane;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Client;

/// <summary>Both planes of one server. Connects when first used. All members may be called from any thread.</summary>
public sealed class ServerEndpoint : IDisposable
{
    private readonly GrpcChannel _channel;

    internal ServerEndpoint(TransportOptions options)
    {
        Address = options.Address;
        _channel = new GrpcChannel(options);
        Store = new StoreClient(_channel);
        Data = new DataPlaneClient(options);
    }

    /// <summary>The server's address.</summary>
    public Uri Address { get; }

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
