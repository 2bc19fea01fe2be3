using Google.Protobuf;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Protocol;

/// <summary>The rpcs of <c>store.proto</c> by name. See there for what they mean and <see cref="GrpcChannel"/> for how they fail. May be used on any thread at once.</summary>
public sealed partial class StoreClient(GrpcChannel channel)
{
    /// <summary>GetStore.</summary>
    public Task<GetStoreResponse> GetStoreAsync(GetStoreRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<GetStoreResponse>(StoreMethods.GetStore, request, deadline, cancellation);

    /// <summary>QueryPaths.</summary>
    public Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<QueryPathsResponse>(StoreMethods.QueryPaths, request, deadline, cancellation);

    /// <summary>FindMissingChunks.</summary>
    public Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<FindMissingChunksResponse>(StoreMethods.FindMissingChunks, request, deadline, cancellation);

    /// <summary>RegisterPaths.</summary>
    public Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<RegisterPathsResponse>(StoreMethods.RegisterPaths, request, deadline, cancellation);

    /// <summary>ReportUse.</summary>
    public Task<ReportUseResponse> ReportUseAsync(ReportUseRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<ReportUseResponse>(StoreMethods.ReportUse, request, deadline, cancellation);

    /// <summary>RevokePaths.</summary>
    public Task<RevokePathsResponse> RevokePathsAsync(RevokePathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<RevokePathsResponse>(StoreMethods.RevokePaths, request, deadline, cancellation);

    /// <summary>ListPaths.</summary>
    public IAsyncEnumerable<ListPathsResponse> ListPathsAsync(ListPathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(StoreMethods.ListPaths, request, static () => new ListPathsResponse(), deadline, cancellation);

    /// <summary>GetClosure.</summary>
    public IAsyncEnumerable<GetClosureResponse> GetClosureAsync(GetClosureRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(StoreMethods.GetClosure, request, static () => new GetClosureResponse(), deadline, cancellation);

    /// <summary>GetSections.</summary>
    public IAsyncEnumerable<GetSectionsResponse> GetSectionsAsync(GetSectionsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(StoreMethods.GetSections, request, static () => new GetSectionsResponse(), deadline, cancellation);

    /// <summary>Watch: runs until cancelled or until the connection breaks. The server is heard at least every few seconds.</summary>
    public IAsyncEnumerable<WatchResponse> WatchAsync(WatchRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(StoreMethods.Watch, request, static () => new WatchResponse(), deadline, cancellation);

    private async Task<TResponse> UnaryAsync<TResponse>(string method, IMessage request, TimeSpan? deadline, CancellationToken cancellation)
        where TResponse : class, IMessage, new()
    {
        var response = new TResponse();
        await channel.UnaryAsync(method, request, response, deadline, cancellation).ConfigureAwait(false);
        return response;
    }
}
