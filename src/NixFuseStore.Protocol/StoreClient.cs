using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Protocol;

/// <summary>The rpcs of <c>store.proto</c> by name. See there for what they mean and <see cref="GrpcChannel"/> for how they fail. May be used on any thread at once.</summary>
public sealed class StoreClient(GrpcChannel channel)
{
    /// <summary>GetStore.</summary>
    public async Task<GetStoreResponse> GetStoreAsync(GetStoreRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default)
    {
        var response = new GetStoreResponse();
        await channel.UnaryAsync(StoreMethods.GetStore, request, response, deadline, cancellation).ConfigureAwait(false);
        return response;
    }

    /// <summary>QueryPaths.</summary>
    public async Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default)
    {
        var response = new QueryPathsResponse();
        await channel.UnaryAsync(StoreMethods.QueryPaths, request, response, deadline, cancellation).ConfigureAwait(false);
        return response;
    }

    /// <summary>FindMissingChunks.</summary>
    public async Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default)
    {
        var response = new FindMissingChunksResponse();
        await channel.UnaryAsync(StoreMethods.FindMissingChunks, request, response, deadline, cancellation).ConfigureAwait(false);
        return response;
    }

    /// <summary>RegisterPaths.</summary>
    public async Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default)
    {
        var response = new RegisterPathsResponse();
        await channel.UnaryAsync(StoreMethods.RegisterPaths, request, response, deadline, cancellation).ConfigureAwait(false);
        return response;
    }

    /// <summary>RevokePaths.</summary>
    public async Task<RevokePathsResponse> RevokePathsAsync(RevokePathsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default)
    {
        var response = new RevokePathsResponse();
        await channel.UnaryAsync(StoreMethods.RevokePaths, request, response, deadline, cancellation).ConfigureAwait(false);
        return response;
    }

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
}
