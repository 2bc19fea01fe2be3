using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;

namespace NixFuseStore.Client.Chunks;

/// <content>Connections before a request needs them.</content>
internal sealed partial class ChunkFetcher
{
    /// <summary>As many as the first reader's request and the read-ahead behind it use.</summary>
    private const int FirstConnections = 3;

    /// <summary>Connects, so that the first readers need not wait for that: it is a round trip, and more with TLS.</summary>
    public void Connect()
    {
        for (var i = 0; i < FirstConnections; i++)
        {
            _ = ConnectQuietlyAsync();
        }
    }

    private async Task ConnectQuietlyAsync()
    {
        try
        {
            // A request for nothing: each one that runs at the same time has a connection of its own, which stays.
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            deadline.CancelAfter(StallDeadline);
            using var frames = await _connection.Current.Data.ReadChunksAsync(_connection.StoreName, new ReadChunksRequest(), deadline.Token).ConfigureAwait(false);
            await frames.MoveNextAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DataPlaneException or OperationCanceledException or ObjectDisposedException)
        {
            // A read is told.
        }
    }
}
