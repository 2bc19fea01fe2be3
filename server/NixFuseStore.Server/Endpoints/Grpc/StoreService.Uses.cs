using Google.Protobuf.Collections;
using Grpc.Core;
using NixFuseStore.Content;
using NixFuseStore.Protocol;
using NixFuseStore.Storage.Metadata;
using static NixFuseStore.Server.Endpoints.Grpc.RequestChecks;

namespace NixFuseStore.Server.Endpoints.Grpc;

/// <summary>Which chunks are read.</summary>
internal sealed partial class StoreService
{
    public override async Task<ReportUseResponse> ReportUse(ReportUseRequest request, ServerCallContext context)
    {
        var call = CallContext.Of(context);
        var store = await RequireAsync(call, request.Store, AccessRights.Read).ConfigureAwait(false);
        if (request.Paths.Count > limits.UsePathsMax)
        {
            throw Invalid($"the use of at most {limits.UsePathsMax} paths can be reported at once");
        }

        var uses = new List<ChunkUse>(request.Paths.Count);
        foreach (var path in request.Paths)
        {
            if (path.ManifestDigest.Length != ManifestDigest.Size)
            {
                throw Invalid("a digest must have 32 bytes");
            }

            uses.Add(new ChunkUse(ManifestDigest.Read(path.ManifestDigest.Span), ParseRuns(path.Chunks), path.Continued));
        }

        await metadata.ReportUseAsync(store.Id, uses, call.Cancellation).ConfigureAwait(false);
        return new ReportUseResponse();
    }

    private List<ChunkRun> ParseRuns(RepeatedField<uint> pairs)
    {
        if (pairs.Count % 2 != 0 || pairs.Count / 2 > limits.UseRunsMax)
        {
            throw Invalid($"chunks must be pairs of a first ordinal and a count, at most {limits.UseRunsMax} for a path");
        }

        var runs = new List<ChunkRun>(pairs.Count / 2);
        var end = -1L;
        for (var i = 0; i < pairs.Count; i += 2)
        {
            var (first, count) = (pairs[i], pairs[i + 1]);
            if (first <= end || count == 0 || (ulong)first + count > int.MaxValue)
            {
                throw Invalid("runs of chunks must ascend, with a gap between two of them");
            }

            runs.Add(new ChunkRun((int)first, (int)count));
            end = (long)first + count;
        }

        return runs;
    }
}
