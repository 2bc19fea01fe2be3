using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>Sessions and their temporary roots. To read is enough: who uses a path may keep it, for as long as it says again that it does.</summary>
internal sealed partial class StoreService
{
    /// <summary>Temporary roots of one request at most.</summary>
    private const int TemporaryRootsMax = 10_000;

    private static readonly TimeSpan SessionLeaseMax = TimeSpan.FromDays(1);

    public override async Task<OpenSessionResponse> OpenSession(OpenSessionRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        var host = CheckText(request.Host, HostBytesMax, "host");
        var lease = CheckLease(request.LeaseSeconds, SessionLeaseMax);
        var session = await metadata.OpenSessionAsync(store.Id, call.Principal.Name, host, lease, call.Cancellation).ConfigureAwait(false);
        return new OpenSessionResponse { Session = (ulong)session.Number };
    }

    public override async Task<RenewSessionResponse> RenewSession(RenewSessionRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var session = await FindSessionAsync(call, request.Store, request.Session).ConfigureAwait(false);
        var lease = CheckLease(request.LeaseSeconds, SessionLeaseMax);
        return new RenewSessionResponse { Alive = await metadata.RenewSessionAsync(session, lease, call.Cancellation).ConfigureAwait(false) };
    }

    public override async Task<AddTemporaryRootsResponse> AddTemporaryRoots(AddTemporaryRootsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var session = await FindSessionAsync(call, request.Store, request.Session).ConfigureAwait(false);
        var paths = ParsePaths(request.BaseNames, TemporaryRootsMax);
        return new AddTemporaryRootsResponse { Alive = await metadata.AddTemporaryRootsAsync(session, paths, call.Cancellation).ConfigureAwait(false) };
    }

    public override async Task<RemoveTemporaryRootsResponse> RemoveTemporaryRoots(RemoveTemporaryRootsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var session = await FindSessionAsync(call, request.Store, request.Session).ConfigureAwait(false);
        var paths = ParsePaths(request.BaseNames, TemporaryRootsMax);
        await metadata.RemoveTemporaryRootsAsync(session, paths, call.Cancellation).ConfigureAwait(false);
        return new RemoveTemporaryRootsResponse();
    }

    public override async Task<CloseSessionResponse> CloseSession(CloseSessionRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var session = await FindSessionAsync(call, request.Store, request.Session).ConfigureAwait(false);
        await metadata.CloseSessionAsync(session, call.Cancellation).ConfigureAwait(false);
        return new CloseSessionResponse();
    }

    private async Task<SessionId> FindSessionAsync(CallContext call, string store, ulong number)
    {
        var record = await RequireAsync(call, store, AccessRights.Read).ConfigureAwait(false);
        return number <= long.MaxValue
            ? new SessionId(record.Id, call.Principal.Name, (long)number)
            : throw Invalid($"there is no session {number}");
    }
}
