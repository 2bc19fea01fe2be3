using NixFuseStore.Protocol;

namespace NixFuseStore.Server.Grpc;

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
    };
}
