using NixFuseStore.Protocol;

namespace NixFuseStore.Server.Endpoints.Grpc;

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

    IAsyncEnumerable<QueryReferrersResponse> QueryReferrersAsync(QueryReferrersRequest request, CallContext call);

    IAsyncEnumerable<QueryDeriversResponse> QueryDeriversAsync(QueryDeriversRequest request, CallContext call);

    Task<AddSignaturesResponse> AddSignaturesAsync(AddSignaturesRequest request, CallContext call);

    Task<AddRealisationsResponse> AddRealisationsAsync(AddRealisationsRequest request, CallContext call);

    Task<QueryRealisationsResponse> QueryRealisationsAsync(QueryRealisationsRequest request, CallContext call);

    Task<SetRootsResponse> SetRootsAsync(SetRootsRequest request, CallContext call);

    Task<RemoveRootsResponse> RemoveRootsAsync(RemoveRootsRequest request, CallContext call);

    IAsyncEnumerable<ListRootsResponse> ListRootsAsync(ListRootsRequest request, CallContext call);

    Task<OpenSessionResponse> OpenSessionAsync(OpenSessionRequest request, CallContext call);

    Task<RenewSessionResponse> RenewSessionAsync(RenewSessionRequest request, CallContext call);

    Task<AddTemporaryRootsResponse> AddTemporaryRootsAsync(AddTemporaryRootsRequest request, CallContext call);

    Task<RemoveTemporaryRootsResponse> RemoveTemporaryRootsAsync(RemoveTemporaryRootsRequest request, CallContext call);

    Task<CloseSessionResponse> CloseSessionAsync(CloseSessionRequest request, CallContext call);

    IAsyncEnumerable<QueryLivenessResponse> QueryLivenessAsync(QueryLivenessRequest request, CallContext call);

    Task<PutBuildLogResponse> PutBuildLogAsync(PutBuildLogRequest request, CallContext call);

    Task<GetBuildLogResponse> GetBuildLogAsync(GetBuildLogRequest request, CallContext call);

    Task<QuerySubstitutableResponse> QuerySubstitutableAsync(QuerySubstitutableRequest request, CallContext call);

    Task<SubstituteResponse> SubstituteAsync(SubstituteRequest request, CallContext call);
}
