namespace NixFuseStore.Protocol;

/// <content>What keeps paths alive: roots and sessions.</content>
public sealed partial class StoreClient
{
    /// <summary>SetRoots.</summary>
    public Task<SetRootsResponse> SetRootsAsync(SetRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.SetRootsAsync, request, deadline, cancellation);

    /// <summary>RemoveRoots.</summary>
    public Task<RemoveRootsResponse> RemoveRootsAsync(RemoveRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.RemoveRootsAsync, request, deadline, cancellation);

    /// <summary>ListRoots.</summary>
    public IAsyncEnumerable<ListRootsResponse> ListRootsAsync(ListRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_client.ListRoots, request, deadline, cancellation);

    /// <summary>OpenSession.</summary>
    public Task<OpenSessionResponse> OpenSessionAsync(OpenSessionRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.OpenSessionAsync, request, deadline, cancellation);

    /// <summary>RenewSession.</summary>
    public Task<RenewSessionResponse> RenewSessionAsync(RenewSessionRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.RenewSessionAsync, request, deadline, cancellation);

    /// <summary>AddTemporaryRoots.</summary>
    public Task<AddTemporaryRootsResponse> AddTemporaryRootsAsync(AddTemporaryRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.AddTemporaryRootsAsync, request, deadline, cancellation);

    /// <summary>RemoveTemporaryRoots.</summary>
    public Task<RemoveTemporaryRootsResponse> RemoveTemporaryRootsAsync(RemoveTemporaryRootsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.RemoveTemporaryRootsAsync, request, deadline, cancellation);

    /// <summary>CloseSession.</summary>
    public Task<CloseSessionResponse> CloseSessionAsync(CloseSessionRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.CloseSessionAsync, request, deadline, cancellation);

    /// <summary>QueryLiveness.</summary>
    public IAsyncEnumerable<QueryLivenessResponse> QueryLivenessAsync(QueryLivenessRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_client.QueryLiveness, request, deadline, cancellation);
}
