using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Chunks;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints;

/// <summary>The one place where exceptions become what a client is told. Both planes use it.</summary>
internal static class ErrorStatus
{
    /// <summary>The status of an exception, and whether it is one that was not foreseen, whose cause belongs into the log and not to the client.</summary>
    public static (StatusCode Code, string Detail, bool IsBug) Of(Exception exception) => exception switch
    {
        RpcException e => (e.StatusCode, e.Status.Detail, false),
        RejectedRequestException e => (StatusCode.InvalidArgument, e.Message, false),
        MetadataUnavailableException e => (StatusCode.Unavailable, e.Message, false),
        BlobStoreUnavailableException e => (StatusCode.Unavailable, e.Message, false),
        ChunkDamagedException e => (StatusCode.DataLoss, e.Message, false),
        BlobStoreFullException e => (StatusCode.ResourceExhausted, e.Message, false),
        BadHttpRequestException e => (StatusCode.InvalidArgument, e.Message, false),
        ConnectionResetException or OperationCanceledException => (StatusCode.Cancelled, "the call was given up", false),
        _ => (StatusCode.Internal, "the server failed; its log says why", true),
    };

    /// <summary>The HTTP status that stands for a status on the data plane.</summary>
    public static int HttpStatusOf(StatusCode code) => code switch
    {
        StatusCode.InvalidArgument => 400,
        StatusCode.Unauthenticated => 401,
        StatusCode.PermissionDenied => 403,
        StatusCode.NotFound => 404,
        StatusCode.DeadlineExceeded => 408,
        StatusCode.FailedPrecondition => 409,
        StatusCode.ResourceExhausted => 507,
        StatusCode.Unavailable => 503,
        StatusCode.Unimplemented => 501,
        _ => 500,
    };
}
