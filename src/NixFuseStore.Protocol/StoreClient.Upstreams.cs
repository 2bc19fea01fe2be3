namespace NixFuseStore.Protocol;

/// <content>What is not here but upstream.</content>
public sealed partial class StoreClient
{
    /// <summary>QuerySubstitutable.</summary>
    public Task<QuerySubstitutableResponse> QuerySubstitutableAsync(QuerySubstitutableRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.QuerySubstitutableAsync, request, deadline, cancellation);

    /// <summary>Substitute. Takes as long as the download.</summary>
    public Task<SubstituteResponse> SubstituteAsync(SubstituteRequest request, TimeSpan? deadline = null, CancellationToken cancellation = default) =>
        channel.UnaryAsync(_client.SubstituteAsync, request, deadline, cancellation);
}
