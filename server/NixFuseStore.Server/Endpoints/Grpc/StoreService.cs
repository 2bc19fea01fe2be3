using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Registration;
using NixFuseStore.Server.Signing;
using NixFuseStore.Server.Upstreams;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>The rpcs of <c>store.proto</c>: checks what was asked and who asks, then lets storage answer.</summary>
internal sealed partial class StoreService(
    IMetadataStore metadata,
    AccessControl access,
    StoreKeys keys,
    RegistrationQueue registrations,
    Substituter substituter,
    StoreEvents events,
    ServerLimits limits,
    ILogger logger)
    : Store.StoreBase
{
    private static readonly string ServerVersion = typeof(StoreService).Assembly.GetName().Version?.ToString(3) ?? "";

    public override async Task<GetStoreResponse> GetStore(GetStoreRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        var rights = call.Principal.RightsIn(store.Id);
        var head = await metadata.GetHeadEventAsync(store.Id, call.Cancellation).ConfigureAwait(false);
        var response = new GetStoreResponse
        {
            Store = store.Name,
            StoreDirectory = store.StoreDirectory,
            ChunkingParameters = (uint)store.ChunkingParameters,
            HeadEvent = head.Number,
            HeadEventId = ByteString.CopyFrom(head.Id.ToArray()),
            StoreId = ByteString.CopyFrom(store.Uuid),
            ServerVersion = ServerVersion,
            MayWrite = rights.HasFlag(AccessRights.Write),
            MayAdminister = rights.HasFlag(AccessRights.Administer),
        };
        foreach (var key in await keys.GetAsync(store.Id, call.Cancellation).ConfigureAwait(false))
        {
            response.PublicKeys.Add(key.PublicKey);
        }

        return response;
    }

    public override async Task<QueryPathsResponse> QueryPaths(QueryPathsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        CheckHashParts(request.HashParts, limits.QueryPathsMax);
        var response = new QueryPathsResponse();
        foreach (var path in await metadata.QueryPathsAsync(store.Id, request.HashParts, call.Cancellation).ConfigureAwait(false))
        {
            response.Paths.Add(Records.ToMessage(path));
        }

        return response;
    }

    public override async Task<FindMissingChunksResponse> FindMissingChunks(FindMissingChunksRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        var bytes = request.ChunkIds.Memory;
        if (bytes.Length % ChunkId.Size != 0 || bytes.Length / ChunkId.Size > limits.ChunkQueryMax)
        {
            throw Invalid($"chunk_ids must hold 32 bytes a chunk, for at most {limits.ChunkQueryMax} chunks");
        }

        var ids = new ChunkId[bytes.Length / ChunkId.Size];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = ChunkId.Read(bytes.Span[(i * ChunkId.Size)..]);
        }

        var missing = await metadata.FindMissingChunksAsync(call.Principal.ReadableChunks, ids, call.Cancellation).ConfigureAwait(false);
        var bits = new byte[(ids.Length + 7) / 8];
        for (var i = 0; i < missing.Length; i++)
        {
            if (missing[i])
            {
                bits[i / 8] |= (byte)(1 << (i % 8));
            }
        }

        return new FindMissingChunksResponse { Missing = UnsafeByteOperations.UnsafeWrap(bits) };
    }

    public override async Task<RegisterPathsResponse> RegisterPaths(RegisterPathsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        CheckStoreId(store, request.StoreId);
        if (request.Paths.Count > limits.RegisterPathsMax)
        {
            throw Invalid($"at most {limits.RegisterPathsMax} paths can be registered in one call");
        }

        return await registrations.RegisterAsync(store, call.Principal, request.Paths, call.Cancellation).ConfigureAwait(false);
    }

    public override async Task<RevokePathsResponse> RevokePaths(RevokePathsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Administer).ConfigureAwait(false);
        var paths = Array.ConvertAll([.. request.BaseNames], ParsePath);
        var result = await metadata.RevokePathsAsync(store.Id, paths, call.Cancellation).ConfigureAwait(false);
        if (result.Referrers.Count > 0)
        {
            var more = result.Referrers.Count > 1 ? $" and {result.Referrers.Count - 1} more" : "";
            throw new RpcException(new Status(
                StatusCode.FailedPrecondition, $"nothing was revoked: {result.Referrers[0]}{more} refer to these paths; revoke them along"));
        }

        if (result.Revoked.Count > 0)
        {
            logger.Revoked(store.Name, result.Revoked.Count, call.Principal.Name);
        }

        var response = new RevokePathsResponse();
        foreach (var path in result.Revoked)
        {
            response.Revoked.Add(path.BaseName);
        }

        return response;
    }

    /// <summary>Sends messages as they come; waits while the peer takes none.</summary>
    private static async Task SendAsync<TResponse>(IAsyncEnumerable<TResponse> messages, IServerStreamWriter<TResponse> responseStream)
    {
        await foreach (var message in messages.ConfigureAwait(false))
        {
            await responseStream.WriteAsync(message).ConfigureAwait(false);
        }
    }

    private ValueTask<StoreRecord> RequireAsync(CallContext call, string store, AccessRights right) =>
        access.RequireAsync(call.Principal, store, right, call.Cancellation);

    private static void CheckHashParts(Google.Protobuf.Collections.RepeatedField<string> hashParts, int countMax)
    {
        if (hashParts.Count > countMax)
        {
            throw Invalid($"at most {countMax} paths can be asked for at once");
        }

        foreach (var part in hashParts)
        {
            if (!StorePath.IsHashPart(part))
            {
                throw Invalid($"'{part}' is not the hash part of a store path");
            }
        }
    }
}
