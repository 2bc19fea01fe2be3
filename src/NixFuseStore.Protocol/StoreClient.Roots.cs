namespace NixFuseStore.Protocol;

/// <content>What keeps paths alive: roots and sessions.</content>
public sealed partial class StoreClient
{
    /// <summary>SetRoots.</summary>
    public Task<SetRootsResponse> SetRootsAsync(SetRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<SetRootsResponse>(StoreMethods.SetRoots, request, deadline, cancellation);

    /// <summary>RemoveRoots.</summary>
    public Task<RemoveRootsResponse> RemoveRootsAsync(RemoveRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<RemoveRootsResponse>(StoreMethods.RemoveRoots, request, deadline, cancellation);

    /// <summary>ListRoots.</summary>
    public IAsyncEnumerable<ListRootsResponse> ListRootsAsync(ListRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(StoreMethods.ListRoots, request, static () => new ListRootsResponse(), deadline, cancellation);

    /// <summary>OpenSession.</summary>
    public Task<OpenSessionResponse> OpenSessionAsync(OpenSessionRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<OpenSessionResponse>(StoreMethods.OpenSession, request, deadline, cancellation);

    /// <summary>RenewSession.</summary>
    public Task<RenewSessionResponse> RenewSessionAsync(RenewSessionRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<RenewSessionResponse>(StoreMethods.RenewSession, request, deadline, cancellation);

    /// <summary>AddTemporaryRoots.</summary>
    public Task<AddTemporaryRootsResponse> AddTemporaryRootsAsync(AddTemporaryRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<AddTemporaryRootsResponse>(StoreMethods.AddTemporaryRoots, request, deadline, cancellation);

    /// <summary>RemoveTemporaryRoots.</summary>
    public Task<RemoveTemporaryRootsResponse> RemoveTemporaryRootsAsync(RemoveTemporaryRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<RemoveTemporaryRootsResponse>(StoreMethods.RemoveTemporaryRoots, request, deadline, cancellation);

    /// <summary>CloseSession.</summary>
    public Task<CloseSessionResponse> CloseSessionAsync(CloseSessionRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<CloseSessionResponse>(StoreMethods.CloseSession, request, deadline, cancellation);

    /// <summary>QueryLiveness.</summary>
    public IAsyncEnumerable<QueryLivenessResponse> QueryLivenessAsync(QueryLivenessRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(StoreMethods.QueryLiveness, request, static () => new QueryLivenessResponse(), deadline, cancellation);
}
