namespace NixFuseStore.Protocol;

/// <content>What is known of paths besides their records: relations, signatures, realisations and build logs.</content>
public sealed partial class StoreClient
{
    /// <summary>QueryReferrers.</summary>
    public IAsyncEnumerable<QueryReferrersResponse> QueryReferrersAsync(QueryReferrersRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_client.QueryReferrers, request, deadline, cancellation);

    /// <summary>QueryDerivers.</summary>
    public IAsyncEnumerable<QueryDeriversResponse> QueryDeriversAsync(QueryDeriversRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(_client.QueryDerivers, request, deadline, cancellation);

    /// <summary>AddSignatures.</summary>
    public Task<AddSignaturesResponse> AddSignaturesAsync(AddSignaturesRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.AddSignaturesAsync, request, deadline, cancellation);

    /// <summary>AddRealisations.</summary>
    public Task<AddRealisationsResponse> AddRealisationsAsync(AddRealisationsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.AddRealisationsAsync, request, deadline, cancellation);

    /// <summary>QueryRealisations.</summary>
    public Task<QueryRealisationsResponse> QueryRealisationsAsync(QueryRealisationsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.QueryRealisationsAsync, request, deadline, cancellation);

    /// <summary>PutBuildLog.</summary>
    public Task<PutBuildLogResponse> PutBuildLogAsync(PutBuildLogRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.PutBuildLogAsync, request, deadline, cancellation);

    /// <summary>GetBuildLog.</summary>
    public Task<GetBuildLogResponse> GetBuildLogAsync(GetBuildLogRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.GetBuildLogAsync, request, deadline, cancellation);
}
