using System.Threading.RateLimiting;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;
using NixFuseStore.Native.Compression;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;
using PathSignatures = NixFuseStore.Storage.Metadata.PathSignatures;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>What is added beside paths: signatures, realisations and build logs.</summary>
internal sealed partial class StoreService
{
    /// <summary>Logs that are decompressed at once, to check them: each takes up to <see cref="BuildLog.PlainBytesMax"/>.</summary>
    private readonly ConcurrencyLimiter _logChecks = Limiters.Waiting(2);

    public override async Task<AddSignaturesResponse> AddSignatures(AddSignaturesRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        CheckCount(request.Paths, limits.QueryPathsMax, "paths");
        var signatures = request.Paths.Select(path => new PathSignatures(ParsePath(path.BaseName), ParseSignatures(path.Signatures))).ToArray();
        var response = new AddSignaturesResponse();
        var result = await metadata.AddSignaturesAsync(store.Id, signatures, call.Cancellation).ConfigureAwait(false);
        if (result.Full.FirstOrDefault() is { IsDefault: false } full)
        {
            throw new RpcException(new Status(
                StatusCode.FailedPrecondition, $"path {full} has {PathSignatures.CountMax} signatures, and no path may have more: not all of these were added"));
        }

        foreach (var path in result.NotValid)
        {
            response.NotValid.Add(path.BaseName);
        }

        return response;
    }

    public override async Task<AddRealisationsResponse> AddRealisations(AddRealisationsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        CheckCount(request.Realisations, limits.QueryPathsMax, "realisations");
        var given = request.Realisations.Select(ParseRealisation).Select(static item => KeyValuePair.Create(item.Id, item.Json)).ToArray();
        var registered = await metadata.AddRealisationsAsync(store.Id, given, call.Cancellation).ConfigureAwait(false);
        var response = new AddRealisationsResponse();
        response.Realisations.AddRange(given.Select(item => new Realisation { Id = item.Key, Json = registered[item.Key] }));
        return response;
    }

    public override async Task<QueryRealisationsResponse> QueryRealisations(QueryRealisationsRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        CheckCount(request.Ids, limits.QueryPathsMax, "realisations");
        foreach (var id in request.Ids)
        {
            CheckRealisationId(id);
        }

        var response = new QueryRealisationsResponse();
        foreach (var (id, json) in await metadata.FindRealisationsAsync(store.Id, request.Ids, call.Cancellation).ConfigureAwait(false))
        {
            response.Realisations.Add(new Realisation { Id = id, Json = json });
        }

        return response;
    }

    public override async Task<PutBuildLogResponse> PutBuildLog(PutBuildLogRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Write).ConfigureAwait(false);
        var derivation = ParseDerivation(request.BaseName);
        var log = new BuildLog((int)Math.Min(request.PlainLength, int.MaxValue), request.Zstd.Memory) { IsOfFailure = request.Failed };
        CheckLog(log);
        if (!await IsWholeAsync(log, call.Cancellation).ConfigureAwait(false))
        {
            throw Invalid($"the log is not one zstd frame of {log.PlainLength} bytes");
        }

        return new PutBuildLogResponse { Stored = await metadata.AddBuildLogAsync(store.Id, derivation, log, call.Cancellation).ConfigureAwait(false) };
    }

    public override async Task<GetBuildLogResponse> GetBuildLog(GetBuildLogRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        var log = await metadata.FindBuildLogAsync(store.Id, ParseDerivation(request.BaseName), call.Cancellation).ConfigureAwait(false);
        return log is null
            ? new GetBuildLogResponse()
            : new GetBuildLogResponse { Found = true, PlainLength = (uint)log.PlainLength, Zstd = UnsafeByteOperations.UnsafeWrap(log.Zstd) };
    }

    private async Task<bool> IsWholeAsync(BuildLog log, CancellationToken cancellation)
    {
        using var turn = await _logChecks.AcquireAsync(cancellationToken: cancellation).ConfigureAwait(false);
        return Zstd.TryDecompress(log.Zstd.Span, GC.AllocateUninitializedArray<byte>(log.PlainLength), out _);
    }

    private static string[] ParseSignatures(RepeatedField<string> texts)
    {
        CheckCount(texts, PathSignatures.CountMax, "signatures of a path");
        foreach (var text in texts)
        {
            if (!NixSignature.TryParse(text, out _))
            {
                throw Invalid("a signature is not of the form name:base64");
            }
        }

        return [.. texts];
    }
}
