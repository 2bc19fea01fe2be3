using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Storage.Packs;

/// <summary>Fills the chunk index from what sealed packs say they hold, for a database that lost it.</summary>
public static class PackIndexRebuilder
{
    /// <summary>Enters all sealed packs and their chunks; those that are known already stay as they are.</summary>
    /// <param name="metadata">The database to fill.</param>
    /// <param name="blobs">Where the packs lie.</param>
    /// <param name="store">The store that the chunks shall be visible in.</param>
    /// <param name="cancellationToken">Stops between packs; what was entered stays.</param>
    public static async Task<PackIndexReport> RunAsync(
        IMetadataStore metadata, IBlobStore blobs, StoreId store, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(blobs);
        int packs = 0;
        long chunks = 0;
        var skipped = new List<(string Name, string Reason)>();
        await foreach (string name in blobs.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                var entries = await PackFormat.ReadFooterAsync(blobs, name, new PackId(0), cancellationToken).ConfigureAwait(false);
                long length = await blobs.GetLengthAsync(name, cancellationToken).ConfigureAwait(false) ?? 0;
                await metadata.AdoptPackAsync(name, length, store, entries, cancellationToken).ConfigureAwait(false);
                packs++;
                chunks += entries.Count;
            }
            catch (InvalidDataException exception)
            {
                skipped.Add((name, exception.Message));
            }
        }

        return new PackIndexReport(packs, chunks, skipped);
    }
}
