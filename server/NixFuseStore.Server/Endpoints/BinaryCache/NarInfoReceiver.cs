using Grpc.Core;
using NixFuseStore.Nix;
using NixFuseStore.Nix.BinaryCaches;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Server.Registration;
using NixFuseStore.Storage.Metadata;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;
using PathSignatures = NixFuseStore.Storage.Metadata.PathSignatures;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>
/// Takes .narinfo files. One of a path that is not valid registers it, with the NAR that was uploaded before; one of a valid path brings
/// further signatures.
/// </summary>
internal sealed class NarInfoReceiver(IMetadataStore metadata, NarUploads uploads, RegistrationQueue registrations)
{
    private const string NarPrefix = "nar/";

    /// <summary>As many as registration takes.</summary>
    private const int SignaturesMax = PathSignatures.CountMax;

    /// <summary>Takes a file.</summary>
    /// <param name="store">The store.</param>
    /// <param name="principal">Who uploads.</param>
    /// <param name="hashPart">The file's name.</param>
    /// <param name="text">What it holds.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="RejectedRequestException">It does not hold.</exception>
    /// <exception cref="RpcException">FAILED_PRECONDITION: the path is valid with another content.</exception>
    public async Task ReceiveAsync(StoreRecord store, Principal principal, string hashPart, string text, CancellationToken cancellation)
    {
        var info = Parse(store, hashPart, text);
        var rows = await metadata.QueryPathsAsync(store.Id, [hashPart], cancellation).ConfigureAwait(false);
        if (rows.Count > 0 && !rows[0].IsDamaged)
        {
            await AddSignaturesAsync(store, info.Info, rows[0], cancellation).ConfigureAwait(false);
            return;
        }

        var file = await FindFileAsync(store, info, cancellation).ConfigureAwait(false);
        var draft = await uploads.FindDraftAsync(store, file, cancellation).ConfigureAwait(false) ?? throw NotUploaded(info.Url);
        var response = await registrations.RegisterAsync(store, principal, [ManifestDraft.Complete(draft, info.Info)], cancellation).ConfigureAwait(false);
        await ConcludeAsync(store, file, info.Info.Path, response.Results[0], cancellation).ConfigureAwait(false);
    }

    private static NarInfo Parse(StoreRecord store, string hashPart, string text)
    {
        NarInfo info;
        try
        {
            info = NarInfo.Parse(text, new StoreDirectory(store.StoreDirectory));
        }
        catch (FormatException e)
        {
            throw new RejectedRequestException($"the narinfo cannot be used: {e.Message.TrimEnd('.')}");
        }

        if (info.Info.Path.HashPart != hashPart)
        {
            throw new RejectedRequestException($"the narinfo is that of {info.Info.Path}, not of {hashPart}");
        }

        return info.Info.Signatures.Count <= SignaturesMax
            ? info
            : throw new RejectedRequestException($"the path has more than {SignaturesMax} signatures");
    }

    private async Task AddSignaturesAsync(StoreRecord store, PathInfo info, StoredPath valid, CancellationToken cancellation)
    {
        var narHash = new NixHash(NixHashAlgorithm.Sha256, valid.NarHash);
        if (valid.Path != info.Path || !narHash.Equals(info.NarHash))
        {
            throw new RpcException(new Status(
                StatusCode.FailedPrecondition,
                valid.Path == info.Path ? $"{info.Path} is valid with NAR hash {narHash}, not {info.NarHash}" : $"the hash part is that of {valid.Path}"));
        }

        if (valid.NarSize != info.NarSize || !valid.References.SequenceEqual(info.References))
        {
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"{info.Path} is valid with another NAR size or other references"));
        }

        string[] added = [.. info.Signatures.Select(signature => signature.ToString()).Except(valid.Signatures, StringComparer.Ordinal)];
        if (added.Length > 0)
        {
            var result = await metadata.AddSignaturesAsync(store.Id, [new PathSignatures(info.Path, added)], cancellation).ConfigureAwait(false);
            if (result.Full.Count > 0)
            {
                throw new RpcException(new Status(
                    StatusCode.FailedPrecondition, $"{info.Path} has {SignaturesMax} signatures, and no path may have more: not all of these were added"));
            }
        }
    }

    private async Task<NarFile> FindFileAsync(StoreRecord store, NarInfo info, CancellationToken cancellation)
    {
        if (!info.Url.StartsWith(NarPrefix, StringComparison.Ordinal) || NarFileName.Parse(info.Url[NarPrefix.Length..]) is not { } name)
        {
            throw new RejectedRequestException($"the URL '{info.Url}' is none that a NAR can be uploaded to: it must be nar/ and the SHA-256 of the file");
        }

        var file = await metadata.FindNarFileAsync(store.Id, info.Url[NarPrefix.Length..], cancellation).ConfigureAwait(false) ?? throw NotUploaded(info.Url);
        var narHash = new NixHash(NixHashAlgorithm.Sha256, file.NarHash);
        if (!narHash.Equals(info.Info.NarHash) || file.NarSize != info.Info.NarSize)
        {
            throw new RejectedRequestException(
                $"{info.Url} is a NAR of {file.NarSize} bytes with hash {narHash}, not one of {info.Info.NarSize} bytes with hash {info.Info.NarHash}");
        }

        if ((info.FileHash is { } fileHash && !fileHash.Equals(name.Hash)) || (info.FileSize != 0 && info.FileSize != file.FileSize))
        {
            throw new RejectedRequestException($"FileHash or FileSize is not that of {info.Url}");
        }

        return NarCompressions.TryParse(info.Compression, out var compression) && compression == file.Compression
            ? file
            : throw new RejectedRequestException($"{info.Url} is compressed with {NarCompressions.NameOf(file.Compression)}, not {info.Compression}");
    }

    private async Task ConcludeAsync(StoreRecord store, NarFile file, StorePath path, RegisterPathResult result, CancellationToken cancellation)
    {
        switch (result.Outcome)
        {
            case Outcome.Registered or Outcome.AlreadyValid:
                if (file.Path is null)
                {
                    await metadata.TieNarFileAsync(store.Id, file.Name, path, cancellation).ConfigureAwait(false);
                }

                break;
            case Outcome.Conflict:
                throw new RpcException(new Status(StatusCode.FailedPrecondition, $"{path}: {result.Message}"));
            case Outcome.MissingReferences:
                throw new RejectedRequestException($"{path}: {result.Message} here; copy that first");
            case Outcome.MissingChunks:
                // The upload waited for too long, and its chunks were cleared away.
                await metadata.RemoveNarFileAsync(store.Id, file.Name, cancellation).ConfigureAwait(false);
                throw NotUploaded("nar/" + file.Name);
            default:
                throw new RejectedRequestException($"{path}: {result.Message}");
        }
    }

    private static RejectedRequestException NotUploaded(string url) => new($"{url} is not here: upload it (again) before the narinfo");
}
