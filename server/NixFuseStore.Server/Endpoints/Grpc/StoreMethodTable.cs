using NixFuseStore.Protocol;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>The one table of methods.</summary>
internal static class StoreMethodTable
{
    public static Dictionary<string, GrpcMethod> Create(IStoreService service) => new(StringComparer.Ordinal)
    {
        [StoreMethods.GetStore] = new UnaryMethod<GetStoreRequest, GetStoreResponse>(service.GetStoreAsync),
        [StoreMethods.QueryPaths] = new UnaryMethod<QueryPathsRequest, QueryPathsResponse>(service.QueryPathsAsync),
        [StoreMethods.ListPaths] = new ServerStreamingMethod<ListPathsRequest, ListPathsResponse>(service.ListPathsAsync),
        [StoreMethods.GetClosure] = new ServerStreamingMethod<GetClosureRequest, GetClosureResponse>(service.GetClosureAsync),
        [StoreMethods.GetSections] = new ServerStreamingMethod<GetSectionsRequest, GetSectionsResponse>(service.GetSectionsAsync),
        [StoreMethods.FindMissingChunks] = new UnaryMethod<FindMissingChunksRequest, FindMissingChunksResponse>(service.FindMissingChunksAsync),
        [StoreMethods.RegisterPaths] = new UnaryMethod<RegisterPathsRequest, RegisterPathsResponse>(service.RegisterPathsAsync),
        [StoreMethods.ReportUse] = new UnaryMethod<ReportUseRequest, ReportUseResponse>(service.ReportUseAsync),
        [StoreMethods.RevokePaths] = new UnaryMethod<RevokePathsRequest, RevokePathsResponse>(service.RevokePathsAsync),
        [StoreMethods.Watch] = new ServerStreamingMethod<WatchRequest, WatchResponse>(service.WatchAsync) { IsEndless = true },
        [StoreMethods.QueryReferrers] = new ServerStreamingMethod<QueryReferrersRequest, QueryReferrersResponse>(service.QueryReferrersAsync),
        [StoreMethods.QueryDerivers] = new ServerStreamingMethod<QueryDeriversRequest, QueryDeriversResponse>(service.QueryDeriversAsync),
        [StoreMethods.AddSignatures] = new UnaryMethod<AddSignaturesRequest, AddSignaturesResponse>(service.AddSignaturesAsync),
        [StoreMethods.AddRealisations] = new UnaryMethod<AddRealisationsRequest, AddRealisationsResponse>(service.AddRealisationsAsync),
        [StoreMethods.QueryRealisations] = new UnaryMethod<QueryRealisationsRequest, QueryRealisationsResponse>(service.QueryRealisationsAsync),
        [StoreMethods.SetRoots] = new UnaryMethod<SetRootsRequest, SetRootsResponse>(service.SetRootsAsync),
        [StoreMethods.RemoveRoots] = new UnaryMethod<RemoveRootsRequest, RemoveRootsResponse>(service.RemoveRootsAsync),
        [StoreMethods.ListRoots] = new ServerStreamingMethod<ListRootsRequest, ListRootsResponse>(service.ListRootsAsync),
        [StoreMethods.OpenSession] = new UnaryMethod<OpenSessionRequest, OpenSessionResponse>(service.OpenSessionAsync),
        [StoreMethods.RenewSession] = new UnaryMethod<RenewSessionRequest, RenewSessionResponse>(service.RenewSessionAsync),
        [StoreMethods.AddTemporaryRoots] = new UnaryMethod<AddTemporaryRootsRequest, AddTemporaryRootsResponse>(service.AddTemporaryRootsAsync),
        [StoreMethods.RemoveTemporaryRoots] = new UnaryMethod<RemoveTemporaryRootsRequest, RemoveTemporaryRootsResponse>(service.RemoveTemporaryRootsAsync),
        [StoreMethods.CloseSession] = new UnaryMethod<CloseSessionRequest, CloseSessionResponse>(service.CloseSessionAsync),
        [StoreMethods.QueryLiveness] = new ServerStreamingMethod<QueryLivenessRequest, QueryLivenessResponse>(service.QueryLivenessAsync),
        [StoreMethods.PutBuildLog] = new UnaryMethod<PutBuildLogRequest, PutBuildLogResponse>(service.PutBuildLogAsync),
        [StoreMethods.GetBuildLog] = new UnaryMethod<GetBuildLogRequest, GetBuildLogResponse>(service.GetBuildLogAsync),
        [StoreMethods.QuerySubstitutable] = new UnaryMethod<QuerySubstitutableRequest, QuerySubstitutableResponse>(service.QuerySubstitutableAsync),
        [StoreMethods.Substitute] = new UnaryMethod<SubstituteRequest, SubstituteResponse>(service.SubstituteAsync),
    };
}
