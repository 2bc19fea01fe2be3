namespace NixFuseStore.Protocol;

/// <content>What is not here but upstream.</content>
public sealed partial class StoreClient
{
    /// <summary>QuerySubstitutable.</summary>
    public Task<QuerySubstitutableResponse> QuerySubstitutableAsync(QuerySubstitutableRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<QuerySubstitutableResponse>(StoreMethods.QuerySubstitutable, request, deadline, cancellation);

    /// <summary>Substitute. Takes as long as the download.</summary>
    public Task<SubstituteResponse> SubstituteAsync(SubstituteRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        UnaryAsync<SubstituteResponse>(StoreMethods.Substitute, request, deadline, cancellation);
}
