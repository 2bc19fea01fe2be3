namespace NixFuseStore.Protocol;

/// <content>What is known of paths besides their records: relations, signatures, realisations and build logs.</content>
public sealed partial class StoreClient
{
    /// <summary>QueryReferrers.</summary>
    public IAsyncEnumerable<QueryReferrersResponse> QueryReferrersAsync(QueryReferrersRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(StoreMethods.QueryReferrers, request, static () => new QueryReferrersResponse(), deadline, cancellation);

    /// <summary>QueryDerivers.</summary>
    public IAsyncEnumerable<QueryDeriversResponse> QueryDeriversAsync(QueryDeriversRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.ServerStreamingAsync(StoreMethods.QueryDerivers, request, static () => new QueryDeriversResponse(), deadline, cancellation);

    /// <summary>AddSignatures.</summary>
    public Task<AddSignaturesResponse> AddSignaturesAsync(AddSignaturesRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<AddSignaturesResponse>(StoreMethods.AddSignatures, request, deadline, cancellation);

    /// <summary>AddRealisations.</summary>
    public Task<AddRealisationsResponse> AddRealisationsAsync(AddRealisationsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<AddRealisationsResponse>(StoreMethods.AddRealisations, request, deadline, cancellation);

    /// <summary>QueryRealisations.</summary>
    public Task<QueryRealisationsResponse> QueryRealisationsAsync(QueryRealisationsRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<QueryRealisationsResponse>(StoreMethods.QueryRealisations, request, deadline, cancellation);

    /// <summary>PutBuildLog.</summary>
    public Task<PutBuildLogResponse> PutBuildLogAsync(PutBuildLogRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<PutBuildLogResponse>(StoreMethods.PutBuildLog, request, deadline, cancellation);

    /// <summary>GetBuildLog.</summary>
    public Task<GetBuildLogResponse> GetBuildLogAsync(GetBuildLogRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<GetBuildLogResponse>(StoreMethods.GetBuildLog, request, deadline, cancellation);
}
