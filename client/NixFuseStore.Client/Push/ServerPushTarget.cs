using NixFuseStore.Client.Server;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.DataPlane;

namespace NixFuseStore.Client.Push;

/// <summary>The calls of a push on real servers, each with a deadline that grows with what it moves.</summary>
/// <param name="connection">The servers.</param>
internal sealed class ServerPushTarget(ServerConnection connection) : IPushTarget
{
    private const int QuerySeconds = 30;
    private const int UploadSeconds = 60;
    private const int RegisterSeconds = 60;

    // The slowest link and the slowest server that still count as alive, in bytes a second.
    private const double UploadRateMin = 64 * 1024;
    private const double VerifyRateMin = 4 * 1024 * 1024;

    public string StoreName => connection.StoreName;

    public Task<GetStoreResponse> GetStoreAsync(CancellationToken cancellationToken) => connection.CallAsync(
        (endpoint, token) => endpoint.Store.GetStoreAsync(new GetStoreRequest { Store = StoreName }, ServerConnection.MeetDeadline, token),
        cancellationToken);

    public Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, CancellationToken cancellationToken) => connection.CallAsync(
        (endpoint, token) => endpoint.Store.QueryPathsAsync(request, Seconds(QuerySeconds), token), cancellationToken);

    public Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, CancellationToken cancellationToken) =>
        connection.CallAsync(
            (endpoint, token) => endpoint.Store.FindMissingChunksAsync(request, Seconds(QuerySeconds), token), cancellationToken);

    public Task UploadAsync(IReadOnlyList<PackedChunk> chunks, CancellationToken cancellationToken)
    {
        long bytes = chunks.Sum(chunk => (long)chunk.Stored.Length);
        var deadline = Seconds(UploadSeconds + (bytes / UploadRateMin));
        return connection.CallAsync((endpoint, token) => UploadAsync(endpoint, chunks, deadline, token), cancellationToken);
    }

    // A NAR takes as long as its client takes to bring it; that the server takes each piece of it, and then answers, the data plane watches.
    public Task<UploadNarResponse> UploadNarAsync(Func<Stream, CancellationToken, Task> write, ulong? bytes, CancellationToken cancellationToken) =>
        connection.CallAsync((endpoint, token) => endpoint.Data.UploadNarAsync(StoreName, write, bytes, token), cancellationToken);

    public Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, ulong narBytes, CancellationToken cancellationToken)
    {
        var deadline = Seconds(RegisterSeconds + (narBytes / VerifyRateMin) + (request.CalculateSize() / UploadRateMin));
        return connection.CallAsync(
            (endpoint, token) => endpoint.Store.RegisterPathsAsync(request, deadline, token), cancellationToken);
    }

    private async Task<UploadChunksResponse> UploadAsync(
        ServerEndpoint endpoint, IReadOnlyList<PackedChunk> chunks, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var timed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timed.CancelAfter(deadline);
        try
        {
            return await endpoint.Data.UploadChunksAsync(StoreName, (writer, token) => WriteAsync(writer, chunks, token), timed.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StoreUnavailableException(
                $"server {endpoint.Address.GetLeftPart(UriPartial.Authority)} took longer than {deadline.TotalSeconds:0} s to take {chunks.Count} chunks",
                exception);
        }
    }

    private static async Task WriteAsync(UploadFrameWriter writer, IReadOnlyList<PackedChunk> chunks, CancellationToken cancellationToken)
    {
        foreach (var chunk in chunks)
        {
            await writer.WriteAsync(chunk.Id.ToArray(), chunk.Encoding, chunk.PlainLength, chunk.Stored, cancellationToken).ConfigureAwait(false);
        }
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
