using Google.Protobuf;
using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Upstreams;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>What is not here but upstream. The operator has chosen the caches, so those that may read the store may have it filled from them.</summary>
internal sealed partial class StoreService
{
    public override async Task<QuerySubstitutableResponse> QuerySubstitutable(QuerySubstitutableRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        CheckHashParts(request.HashParts, limits.QueryPathsMax);
        var response = new QuerySubstitutableResponse();
        response.Paths.AddRange((await substituter.QueryAsync(store, request.HashParts, call.Cancellation).ConfigureAwait(false)).Select(ToMessage));
        response.NoUpstreams = !await substituter.AnyAsync(store, call.Cancellation).ConfigureAwait(false);
        return response;
    }

    public override async Task<SubstituteResponse> Substitute(SubstituteRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        CheckHashParts(request.HashParts, limits.QueryPathsMax);
        var response = new SubstituteResponse();
        response.Results.AddRange(await substituter.SubstituteAsync(store, request.HashParts, call.Cancellation).ConfigureAwait(false));
        return response;
    }

    private static SubstitutablePath ToMessage(UpstreamPath path)
    {
        var info = path.Info.Info;
        var message = new SubstitutablePath
        {
            BaseName = info.Path.BaseName,
            NarHash = ByteString.CopyFrom(info.NarHash.Digest),
            NarSize = info.NarSize,
            DownloadSize = path.Info.FileSize,
            Deriver = info.Deriver?.BaseName ?? "",
            ContentAddress = info.ContentAddress?.ToString() ?? "",
        };
        message.References.AddRange(info.References.Select(reference => reference.BaseName));
        message.Signatures.AddRange(info.Signatures.Select(signature => signature.ToString()));
        return message;
    }
}
