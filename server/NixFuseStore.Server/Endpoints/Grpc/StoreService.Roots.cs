using System.Threading.RateLimiting;
using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;
using NewRoot = NixFuseStore.Storage.Metadata.NewRoot;
using RootKind = NixFuseStore.Storage.Metadata.RootKind;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>Roots of hosts, and what all roots keep alive.</summary>
internal sealed partial class StoreService
{
    private const int HostBytesMax = 255;

    /// <summary>As long as a path may be on Linux.</summary>
    private const int LinkBytesMax = 4_095;

    /// <summary>Roots of one message.</summary>
    private const int RootsPerMessage = 1_000;

    private static readonly TimeSpan RootLeaseMax = TimeSpan.FromDays(366);

    /// <summary>Walks over all that is alive which run at once: each keeps the database busy, and holds a number for each path.</summary>
    private readonly ConcurrencyLimiter _livenessWalks = Limiters.Waiting(2);

    public override async Task<SetRootsResponse> SetRoots(SetRootsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        CheckCount(request.Roots, limits.QueryPathsMax, "roots");
        var host = CheckText(request.Host, HostBytesMax, "host");
        var roots = request.Roots.Select(ParseRoot).ToArray();
        await metadata.SetRootsAsync(store.Id, host, roots, call.Cancellation).ConfigureAwait(false);
        return new SetRootsResponse();
    }

    public override async Task<RemoveRootsResponse> RemoveRoots(RemoveRootsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        CheckCount(request.Links, limits.QueryPathsMax, "roots");
        var host = CheckText(request.Host, HostBytesMax, "host");
        var links = request.Links.Select(link => CheckText(link, LinkBytesMax, "root's link")).ToArray();
        var response = new RemoveRootsResponse();
        response.Removed.AddRange(await metadata.RemoveRootsAsync(store.Id, host, links, call.Cancellation).ConfigureAwait(false));
        return response;
    }

    public override Task ListRoots(ListRootsRequest request, IServerStreamWriter<ListRootsResponse> responseStream, ServerCallContext context) =>
        SendAsync(ListRootsAsync(request, CallContext.Of(context)), responseStream);

    private async IAsyncEnumerable<ListRootsResponse> ListRootsAsync(ListRootsRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        foreach (var part in (await metadata.ListRootsAsync(store.Id, call.Cancellation).ConfigureAwait(false)).Chunk(RootsPerMessage))
        {
            var message = new ListRootsResponse();
            message.Roots.AddRange(part.Select(Records.ToMessage));
            yield return message;
        }
    }

    public override Task QueryLiveness(QueryLivenessRequest request, IServerStreamWriter<QueryLivenessResponse> responseStream, ServerCallContext context) =>
        SendAsync(QueryLivenessAsync(request, CallContext.Of(context)), responseStream);

    private async IAsyncEnumerable<QueryLivenessResponse> QueryLivenessAsync(QueryLivenessRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        var batches = metadata.ListByLivenessAsync(store.Id, request.Live, call.Cancellation).GetAsyncEnumerator(call.Cancellation);
        await using (batches.ConfigureAwait(false))
        {
            // The walk is over when the first batch is here; a client that takes its time over the rest keeps no caller waiting.
            bool any;
            using (await _livenessWalks.AcquireAsync(cancellationToken: call.Cancellation).ConfigureAwait(false))
            {
                any = await batches.MoveNextAsync().ConfigureAwait(false);
            }

            for (; any; any = await batches.MoveNextAsync().ConfigureAwait(false))
            {
                var message = new QueryLivenessResponse();
                message.BaseNames.AddRange(batches.Current.Select(path => path.BaseName));
                yield return message;
            }
        }
    }

    private static NewRoot ParseRoot(Protocol.NewRoot root)
    {
        var kind = (RootKind)root.Kind;
        return new NewRoot(
            kind is RootKind.Permanent or RootKind.Indirect ? kind : throw Invalid("a root must be permanent or indirect"),
            CheckText(root.Link, LinkBytesMax, "root's link"),
            ParsePath(root.BaseName),
            root.LeaseSeconds == 0 ? null : CheckLease(root.LeaseSeconds, RootLeaseMax));
    }
}
