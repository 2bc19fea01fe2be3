using NixFuseStore.Client.Server;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>
/// The calls that a push makes. Each may be made again; failures are <see cref="StoreClientException"/>s, of which
/// <see cref="StoreUnavailableException"/> alone is worth another try. Any thread, calls may overlap.
/// </summary>
internal interface IPushTarget
{
    string StoreName { get; }

    Task<GetStoreResponse> GetStoreAsync(CancellationToken cancellationToken);

    Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, CancellationToken cancellationToken);

    Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, CancellationToken cancellationToken);

    Task UploadAsync(IReadOnlyList<PackedChunk> chunks, CancellationToken cancellationToken);

    // Registers nothing. `write` writes a NAR, of `bytes` bytes where that is known, and may be called again.
    Task<UploadNarResponse> UploadNarAsync(Func<Stream, CancellationToken, Task> write, ulong? bytes, CancellationToken cancellationToken);

    // `narBytes` is what the server has to put together and hash before it can answer.
    Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, ulong narBytes, CancellationToken cancellationToken);
}
