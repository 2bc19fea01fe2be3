using NixFuseStore.Protocol;

namespace NixFuseStore.Server.Grpc;

/// <summary>The rpcs of <c>store.proto</c>. Failures are exceptions, which <see cref="ErrorStatus"/> turns into a status.</summary>
internal interface IStoreService
{
    Task<GetStoreResponse> GetStoreAsync(GetStoreRequest request, CallContext call);

    Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, CallContext call);

    IAsyncEnumerable<ListPathsResponse> ListPathsAsync(ListPathsRequest request, CallContext call);

    IAsyncEnumerable<GetClosureResponse> GetClosureAsync(GetClosureRequest request, CallContext call);

    IAsyncEnumerable<GetSectionsResponse> GetSectionsAsync(GetSectionsRequest request, CallContext call);

    Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, CallContext call);

    Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, CallContext call);

    Task<ReportUseResponse> ReportUseAsync(ReportUseRequest request, CallContext call);

    Task<RevokePathsResponse> RevokePathsAsync(RevokePathsRequest request, CallContext call);

    IAsyncEnumerable<WatchResponse> WatchAsync(WatchRequest request, CallContext call);
}
