using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Protocol;

/// <summary>The rpcs of <c>store.proto</c> and <c>builds.proto</c> by name. See there for what they mean and <see cref="RpcChannel"/> for how they fail. May be used on any thread at once.</summary>
public sealed partial class StoreClient(RpcChannel channel)
{
    private readonly Store.StoreClient _client = new(channel.Invoker);

    /// <summary>GetStore.</summary>
    public Task<GetStoreResponse> GetStoreAsync(GetStoreRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.GetStoreAsync, request, deadline, cancellation);

    /// <summary>QueryPaths.</summary>
    public Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.QueryPathsAsync, request, deadline, cancellation);

    /// <summary>FindMissingChunks.</summary>
    public Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.FindMissingChunksAsync, request, deadline, cancellation);

    /// <summary>RegisterPaths.</summary>
    public Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.RegisterPathsAsync, request, deadline, cancellation);

    /// <summary>ReportUse.</summary>
    public Task<ReportUseResponse> ReportUseAsync(ReportUseRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.ReportUseAsync, request, deadline, cancellation);

    /// <summary>RevokePaths.</summary>
    public Task<RevokePathsResponse> RevokePathsAsync(RevokePathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.RevokePathsAsync, request, deadline, cancellation);

    /// <summary>ListPaths.</summary>
    public IAsyncEnumerable<ListPathsResponse> ListPathsAsync(ListPathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_client.ListPaths, request, deadline, cancellation);

    /// <summary>GetClosure.</summary>
    public IAsyncEnumerable<GetClosureResponse> GetClosureAsync(GetClosureRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_client.GetClosure, request, deadline, cancellation);

    /// <summary>GetSections.</summary>
    public IAsyncEnumerable<GetSectionsResponse> GetSectionsAsync(GetSectionsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_client.GetSections, request, deadline, cancellation);

    /// <summary>Watch: runs until cancelled or until the connection breaks. The server is heard at least every few seconds.</summary>
    public IAsyncEnumerable<WatchResponse> WatchAsync(WatchRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_client.Watch, request, deadline, cancellation);
}
