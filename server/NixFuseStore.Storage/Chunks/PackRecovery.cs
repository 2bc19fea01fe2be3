using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Packs;

namespace NixFuseStore.Storage.Chunks;

/// <summary>
/// Takes care of packs that servers left open. What is indexed was made durable before and stays; what lies behind it, flushed or torn,
/// was promised to no client and is cut off.
/// </summary>
internal sealed class PackRecovery(IMetadataStore metadata, IBlobStore blobs, ChunkStoreOptions options)
{
    /// <summary>Recovers all open packs that no process holds.</summary>
    /// <param name="keepOne">Whether the caller wants one with room left to go on with; the others are sealed.</param>
    /// <param name="cancellationToken">Stops between packs.</param>
    /// <returns>The one to go on with, if there is any.</returns>
    public async Task<OpenPack?> RunAsync(bool keepOne, CancellationToken cancellationToken)
    {
        OpenPack? kept = null;
        foreach (var record in await metadata.ListAbandonedPacksAsync(cancellationToken).ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (record.Owner == options.Owner
                || !await metadata.ClaimPackAsync(record.Id, options.Owner, options.PackLease, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            try
            {
                var pack = await ResumeAsync(record, cancellationToken).ConfigureAwait(false);
                if (pack is not null && keepOne && kept is null && pack.Length < options.PackBytesMax)
                {
                    kept = pack;
                }
                else if (pack is not null)
                {
                    await SealAsync(pack, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception exception) when (exception is IOException or InvalidDataException)
            {
                // One bad pack must not keep a server from starting; readers of its chunks are told by themselves.
                options.Notice($"Pack {record.Name} was left open and cannot be recovered now: {exception.Message}");
                await metadata.ReleasePackAsync(record.Id, options.Owner, cancellationToken).ConfigureAwait(false);
            }
        }

        return kept;
    }

    private async Task<OpenPack?> ResumeAsync(PackRecord record, CancellationToken cancellationToken)
    {
        // The row is read again: its former owner may have indexed more until the very moment of the claim.
        var current = await metadata.FindPackAsync(record.Id, cancellationToken).ConfigureAwait(false);
        if (current is null)
        {
            return null;
        }

        if (current.IndexedBytes == 0)
        {
            await blobs.DeleteAsync(current.Name, cancellationToken).ConfigureAwait(false);
            await metadata.DeleteEmptyPackAsync(current.Id, cancellationToken).ConfigureAwait(false);
            return null;
        }

        // Where the last chunks are noted as damaged, less has to be there than was once indexed.
        var chunks = await metadata.ListPackChunksAsync(current.Id, cancellationToken).ConfigureAwait(false);
        if (chunks.Count == 0)
        {
            await metadata.SealPackAsync(current.Id, options.Owner, current.IndexedBytes, cancellationToken).ConfigureAwait(false);
            return null;
        }

        long end = chunks.Max(chunk => (long)chunk.Location.Offset + chunk.Location.StoredLength);
        var writer = await blobs.ResumeAsync(current.Name, end, cancellationToken).ConfigureAwait(false);
        return new OpenPack(current, writer, chunks);
    }

    private async Task SealAsync(OpenPack pack, CancellationToken cancellationToken)
    {
        await using (pack.ConfigureAwait(false))
        {
            await pack.SealAsync(cancellationToken).ConfigureAwait(false);
            await metadata.SealPackAsync(pack.Record.Id, options.Owner, pack.Length, cancellationToken).ConfigureAwait(false);
        }
    }
}
