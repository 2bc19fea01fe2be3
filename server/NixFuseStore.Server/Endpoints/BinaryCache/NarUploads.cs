using Google.Protobuf;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Server.Base;
using NixFuseStore.Server.Content;
using NixFuseStore.Server.Ingest;
using NixFuseStore.Server.Transfers;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Endpoints.BinaryCache;

/// <summary>NAR files that clients upload: kept as drafts in the database, for every server and across restarts, until a .narinfo names them.</summary>
internal sealed class NarUploads(IMetadataStore metadata, NarReceiver receiver, ServerLimits limits)
{
    /// <summary>Takes a file.</summary>
    /// <exception cref="RejectedRequestException">It is not what its name says, or no NAR.</exception>
    public async Task ReceiveAsync(StoreRecord store, Principal principal, string name, Stream body, TransferPace pace)
    {
        if (NarFileName.Parse(name) is not { HashPart: null } parsed)
        {
            throw new RejectedRequestException(
                $"'{name}' is no name for a NAR: the SHA-256 of the file in 52 base-32 characters, then .nar, .nar.xz, .nar.bz2, .nar.zst, .nar.gz, .nar.lz4, .nar.lzip or .nar.br");
        }

        var nar = await receiver.ReceiveAsync(store, principal, body, parsed.Compression, narBytesMax: long.MaxValue, pace).ConfigureAwait(false);
        if (!nar.FileHash.Equals(parsed.Hash))
        {
            throw new RejectedRequestException($"the file's hash is {nar.FileHash}, not the one in its name");
        }

        var file = new NarFile
        {
            Name = name,
            Compression = nar.Compression,
            NarHash = nar.NarHash.ToArray(),
            NarSize = nar.NarSize,
            FileSize = nar.FileSize,
            Draft = ManifestDraft.Of(nar.Manifest).ToByteArray(),
        };
        await metadata.AddNarFileAsync(store.Id, file, limits.NarFileLifetime, pace.Token).ConfigureAwait(false);
    }

    /// <summary>The manifest of an uploaded file; null where it went with the path that it belonged to.</summary>
    public async Task<NewPath?> FindDraftAsync(StoreRecord store, NarFile file, CancellationToken cancellation)
    {
        if (file.Draft is not null)
        {
            return NewPath.Parser.ParseFrom(file.Draft);
        }

        var rows = await metadata.QueryPathsAsync(store.Id, [file.Path!.Value.HashPart], cancellation).ConfigureAwait(false);
        return rows.Count == 0
            ? null
            : ManifestDraft.Of(rows[0], await StoredNars.ReadSectionsAsync(metadata, store, rows[0], cancellation).ConfigureAwait(false));
    }
}
