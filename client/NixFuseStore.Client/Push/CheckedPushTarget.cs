using System.Numerics;
using Google.Protobuf;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Native.Text;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Client.Push;

/// <summary>
/// Compares answers with what was asked: a server that answers something else is at fault, and nothing is concluded from it. Behind this, counts
/// fit, records are those of the paths that were sent, and texts can be shown.
/// </summary>
internal sealed class CheckedPushTarget(IPushTarget target) : IPushTarget
{
    private const int NarHashBytes = 32; // SHA-256

    public string StoreName => target.StoreName;

    public Task<GetStoreResponse> GetStoreAsync(CancellationToken cancellationToken) => target.GetStoreAsync(cancellationToken);

    public async Task<QueryPathsResponse> QueryPathsAsync(QueryPathsRequest request, CancellationToken cancellationToken)
    {
        var response = await target.QueryPathsAsync(request, cancellationToken).ConfigureAwait(false);
        var asked = request.HashParts.ToHashSet(StringComparer.Ordinal);
        foreach (var record in response.Paths)
        {
            Require(IsRecord(record), "a record that is none");
            Require(asked.Remove(record.BaseName[..StorePath.HashPartLength]), "a path that was not asked for, or one twice");
        }

        return response;
    }

    public async Task<FindMissingChunksResponse> FindMissingChunksAsync(FindMissingChunksRequest request, CancellationToken cancellationToken)
    {
        var response = await target.FindMissingChunksAsync(request, cancellationToken).ConfigureAwait(false);
        var chunks = request.ChunkIds.Length / ChunkId.Size;
        var missing = response.Missing.Span;
        Require(missing.Length == (chunks + 7) / 8, $"for {missing.Length * 8} chunks where {chunks} were asked for");
        Require(chunks % 8 == 0 || BitOperations.Log2(missing[^1]) < chunks % 8, $"for more than the {chunks} chunks that were asked for");
        return response;
    }

    public Task UploadAsync(IReadOnlyList<PackedChunk> chunks, CancellationToken cancellationToken) => target.UploadAsync(chunks, cancellationToken);

    public async Task<UploadNarResponse> UploadNarAsync(Func<Stream, CancellationToken, Task> write, ulong? bytes, CancellationToken cancellationToken)
    {
        var response = await target.UploadNarAsync(write, bytes, cancellationToken).ConfigureAwait(false);
        Require(
            response.Draft?.Path is { } path && ManifestHeader.TryParse(path.ManifestHeader.Span, out _)
                && path.References.Count == 0 && path.Signatures.Count == 0,
            "no manifest for a NAR");
        return response;
    }

    public async Task<RegisterPathsResponse> RegisterPathsAsync(RegisterPathsRequest request, ulong narBytes, CancellationToken cancellationToken)
    {
        var response = await target.RegisterPathsAsync(request, narBytes, cancellationToken).ConfigureAwait(false);
        Require(response.Results.Count == request.Paths.Count, $"for {response.Results.Count} paths where {request.Paths.Count} were registered");
        for (var i = 0; i < request.Paths.Count; i++)
        {
            var (sent, result) = (request.Paths[i], response.Results[i]);
            Require(Fits(sent, result), $"what does not fit the registration of {sent.Path.BaseName} ({(int)result.Outcome})");
            result.Message = PrintableText.Escape(result.Message);
        }

        return response;
    }

    private static bool Fits(NewPath sent, RegisterPathResult result) => result.Outcome switch
    {
        Outcome.Registered or Outcome.AlreadyValid => IsRecord(result.Path) && result.Path.BaseName == sent.Path.BaseName && result.Path.NarHash == sent.Path.NarHash,
        Outcome.Conflict => IsRecord(result.Path)
            && result.Path.BaseName.StartsWith(sent.Path.BaseName[..StorePath.HashPartLength], StringComparison.Ordinal)
            && (result.Path.BaseName != sent.Path.BaseName || result.Path.NarHash != sent.Path.NarHash),
        Outcome.MissingChunks => IsIds(result.MissingChunkIds),
        Outcome.MissingReferences => result.MissingReferences.Count > 0 && result.MissingReferences.All(static name => StorePath.TryParseBaseName(name, out _)),
        Outcome.Refused => true,
        Outcome.Revoked => sent.HasUnlessRemovedAfter,
        _ => false,
    };

    private static bool IsRecord(PathRecord? record) =>
        record is not null && StorePath.TryParseBaseName(record.BaseName, out _) && record.NarHash.Length == NarHashBytes;

    private static bool IsIds(ByteString ids) => ids.Length > 0 && ids.Length % ChunkId.Size == 0;

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new StoreClientException($"the server does not keep to the protocol: it answered {what}");
        }
    }
}
