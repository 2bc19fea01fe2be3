using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>What streams paths: listings and events.</summary>
internal sealed partial class StoreService
{
    public override Task ListPaths(ListPathsRequest request, IServerStreamWriter<ListPathsResponse> responseStream, ServerCallContext context) =>
        SendAsync(ListPathsAsync(request, CallContext.Of(context)), responseStream);

    private async IAsyncEnumerable<ListPathsResponse> ListPathsAsync(ListPathsRequest request, CallContext call)
    {
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);

        // Asked for first: what is registered during the listing may or may not be in it, and is told by an event in either case.
        CheckNamePart(request.Prefix, "prefix");
        CheckNamePart(request.After, "name to go on behind");
        var head = (await metadata.GetHeadEventAsync(store.Id, call.Cancellation).ConfigureAwait(false)).Number;
        var limit = (int)Math.Min(request.Limit, int.MaxValue);
        var signer = await keys.GetSignerAsync(store.Id, call.Cancellation).ConfigureAwait(false);
        var directory = new StoreDirectory(store.StoreDirectory);
        var any = false;
        await foreach (var batch in metadata.ListPathsAsync(store.Id, request.Prefix, request.After, limit, call.Cancellation).ConfigureAwait(false))
        {
            var message = new ListPathsResponse { HeadEvent = head };
            using var statement = new ListingStatement(store.Name, directory);
            foreach (var entry in batch)
            {
                message.Entries.Add(Records.ToMessage(entry));
                statement.Add(entry.Path.BaseName, entry.RootKind, entry.RootIsExecutable, entry.RootSize, entry.EntryCount, entry.Manifest);
            }

            message.Signature = statement.Sign(signer).ToString();

            any = true;
            yield return message;
        }

        if (!any)
        {
            yield return new ListPathsResponse { HeadEvent = head };
        }
    }

    public override Task Watch(WatchRequest request, IServerStreamWriter<WatchResponse> responseStream, ServerCallContext context) =>
        SendAsync(WatchAsync(request, CallContext.Of(context)), responseStream);

    private async IAsyncEnumerable<WatchResponse> WatchAsync(WatchRequest request, CallContext call)
    {
        // 1. Who may watch, now and later: a watch outlives the moment in which its caller was known.
        using var hold = call.Hold();
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(call.Cancellation, hold.Ended);

        // 2. The events, from the feed that all watchers of this process share.
        var after = new EventPosition(request.AfterEvent, StoreEventId.Read(request.AfterEventId.Span));
        await using var pages = events.Follow(store).FollowAsync(after, ending.Token).GetAsyncEnumerator(ending.Token);
        while (await NextAsync(pages, hold).ConfigureAwait(false))
        {
            yield return Records.ToMessage(pages.Current);
        }
    }

    private static async ValueTask<bool> NextAsync(IAsyncEnumerator<EventPage> pages, TokenHold hold)
    {
        try
        {
            return await pages.MoveNextAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (hold.Ended.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unauthenticated, hold.Reason));
        }
    }
}
