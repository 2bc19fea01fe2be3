using Google.Protobuf;
using NixFuseStore.Client.Push;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// Prepares each registration, once for all of its paths, and says which store it is meant for: behind the address there may be another one
/// now. All other calls go straight on.
/// </summary>
internal sealed class PreparedPushTarget(IPushTarget target, ByteString storeId, Func<CancellationToken, ValueTask>? prepare) : IPushTarget
{
    public string StoreName => target.StoreName;

    public Task<GetStoreResponse> GetStoreAsync(CancellationToken cancellationToken) => target.GetStoreAsync(cancellationToken);

    public Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, CancellationToken cancellationToken) =>
        target.QueryPathsAsync(request, cancellationToken);

    public Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, CancellationToken cancellationToken) =>
        target.FindMissingChunksAsync(request, cancellationToken);

    public Task UploadAsync(IReadOnlyList<PackedChunk> chunks, CancellationToken cancellationToken) => target.UploadAsync(chunks, cancellationToken);

    public Task<UploadNarResponse> UploadNarAsync(Func<Stream, CancellationToken, Task> write, ulong? bytes, CancellationToken cancellationToken) =>
        target.UploadNarAsync(write, bytes, cancellationToken);

    public async Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, ulong narBytes, CancellationToken cancellationToken)
    {
        if (prepare is not null)
        {
            await prepare(cancellationToken).ConfigureAwait(false);
        }

        request.StoreId = storeId;
        return await target.RegisterPathsAsync(request, narBytes, cancellationToken).ConfigureAwait(false);
    }
}
