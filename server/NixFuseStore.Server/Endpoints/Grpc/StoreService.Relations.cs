using Grpc.Core;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>What paths have to do with each other.</summary>
internal sealed partial class StoreService
{
    /// <summary>Paths whose relations are read in one go.</summary>
    private const int RelationsPerRead = 64;

    /// <summary>Names of one message at most, some 300 KiB.</summary>
    private const int NamesPerMessage = 5_000;

    public override Task QueryReferrers(QueryReferrersRequest request, IServerStreamWriter<QueryReferrersResponse> responseStream, ServerCallContext context) =>
        SendAsync(QueryReferrersAsync(request, CallContext.Of(context)), responseStream);

    private async IAsyncEnumerable<QueryReferrersResponse> QueryReferrersAsync(QueryReferrersRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        var paths = ParsePaths(request.BaseNames, limits.QueryPathsMax);
        await foreach (var batch in RelateAsync(paths, part => metadata.GetReferrersAsync(store.Id, part, call.Cancellation)).ConfigureAwait(false))
        {
            var message = new QueryReferrersResponse();
            message.Paths.AddRange(batch);
            yield return message;
        }
    }

    public override Task QueryDerivers(QueryDeriversRequest request, IServerStreamWriter<QueryDeriversResponse> responseStream, ServerCallContext context) =>
        SendAsync(QueryDeriversAsync(request, CallContext.Of(context)), responseStream);

    private async IAsyncEnumerable<QueryDeriversResponse> QueryDeriversAsync(QueryDeriversRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        var paths = ParsePaths(request.BaseNames, limits.QueryPathsMax);
        await foreach (var batch in RelateAsync(paths, part => metadata.GetDeriversAsync(store.Id, part, call.Cancellation)).ConfigureAwait(false))
        {
            var message = new QueryDeriversResponse();
            message.Paths.AddRange(batch);
            yield return message;
        }
    }

    private static async IAsyncEnumerable<List<RelatedPaths>> RelateAsync(
        StorePath[] paths, Func<IReadOnlyCollection<StorePath>, Task<ILookup<StorePath, StorePath>>> read)
    {
        var batch = new List<RelatedPaths>();
        var names = 0;
        foreach (var part in paths.Distinct().Chunk(RelationsPerRead))
        {
            foreach (var group in await read(part).ConfigureAwait(false))
            {
                foreach (var related in group.Chunk(NamesPerMessage))
                {
                    var message = new RelatedPaths { BaseName = group.Key.BaseName };
                    message.Related.AddRange(related.Select(path => path.BaseName));
                    batch.Add(message);
                    names += related.Length;
                    if (names >= NamesPerMessage)
                    {
                        yield return batch;
                        batch = [];
                        names = 0;
                    }
                }
            }
        }

        if (batch.Count > 0)
        {
            yield return batch;
        }
    }
}
