using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata;

/// <summary>
/// What is known to be damaged. A damaged chunk is out of the index, so that it counts as missing everywhere; entering it again heals it.
/// Paths with something damaged have <see cref="StoredPath.IsDamaged"/>. Each change is an event of all paths concerned.
/// </summary>
public interface IDamageCatalog
{
    /// <summary>
    /// Takes chunks out of the index whose bytes are not what they should be. Those that lie elsewhere by now are left alone.
    /// </summary>
    /// <param name="chunks">Chunks with the places that were looked at.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Those that were not known as damaged before.</returns>
    Task<IReadOnlyList<DamagedChunk>> MarkDamagedAsync(
        IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken = default);

    /// <summary>All damaged chunks, in no order.</summary>
    Task<IReadOnlyList<DamagedChunk>> ListDamagedAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Where the index has the chunks of a manifest now, in stream order; the remembered places are brought into line. Null where no valid
    /// path of the store has the manifest, or where its list of chunks is damaged itself.
    /// </summary>
    Task<IReadOnlyList<LocatedChunk>?> RefreshLocationsAsync(
        StoreId store, ManifestDigest manifest, CancellationToken cancellationToken = default);

    /// <summary>Sets the sums of chunks whose bytes were compared with their ids; nothing happens to chunks that lie elsewhere by now.</summary>
    Task CorrectSumsAsync(IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken = default);

    /// <summary>Takes chunks back into the index that are noted as damaged and were found whole at their old places.</summary>
    Task RestoreChunksAsync(IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken = default);

    /// <summary>Compares metadata with its digests, a part at a time, and notes what is damaged.</summary>
    /// <param name="after">0 to begin, then <see cref="MetadataCheck.Last"/> of the part before.</param>
    /// <param name="repair">Whether remembered places that differ from the index are corrected.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<MetadataCheck> CheckMetadataAsync(long after, bool repair, CancellationToken cancellationToken = default);

    /// <summary>The identity of the blob store whose packs the index is about; null where none was noted.</summary>
    Task<string?> FindBlobStoreAsync(CancellationToken cancellationToken = default);

    /// <summary>Notes which blob store the index is about; the first one stays.</summary>
    Task AddBlobStoreAsync(string identity, CancellationToken cancellationToken = default);
}
