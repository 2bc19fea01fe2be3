using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Manifest sections and the places of chunks.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>Joins the manifests <c>m</c> with the digests of the rows.</summary>
    private string ManifestsByDigest => _dialect.JoinByIndex("manifests", "m", "m.digest = r.digest");

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredSection>> GetSectionsAsync(
        StoreId store, IReadOnlyCollection<SectionName> names, CancellationToken cancellationToken)
    {
        // Each section once, with the first of the manifests that were named for it: any of them gives the right to read it.
        var distinct = names.Distinct().ToArray();
        var found = await ReadAsync(
            session => session.QueryRowsAsync(
                new SqlText(
                    $$"""
                    SELECT s.digest, s.plain_length, s.zstd
                    FROM {rows} {{_dialect.JoinByIndex("manifests", "m", "m.digest = r.manifest")}}
                    {{_dialect.JoinByIndex("sections", "s", "s.digest = r.section")}}
                    WHERE s.id IN (m.tree_section, m.chunks_section, m.blanks_section)
                    AND EXISTS (SELECT 1 FROM paths p WHERE p.manifest = m.id AND p.store = @store)
                    """,
                    ("@store", store.Value)),
                new RowSet(distinct.Length)
                    .Digest("manifest", Array.ConvertAll(distinct, name => name.Manifest.ToArray()))
                    .Digest("section", Array.ConvertAll(distinct, name => name.Section.ToArray())),
                reader => new StoredSection(SectionDigest.Read(reader.GetBytes(0)), reader.GetInt32(1), reader.GetBytes(2)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return await WholeOnlyAsync([.. found.DistinctBy(section => section.Digest)], static section => section, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<(ManifestDigest Manifest, StoredSection Section)>> GetSmallSectionsAsync(
        IReadOnlyCollection<ManifestDigest> manifests, int plainBytesMax, CancellationToken cancellationToken)
    {
        byte[][] digests = [.. manifests.Distinct().Select(digest => digest.ToArray())];
        var found = await ReadAsync(
            session => session.QueryRowsAsync(
                new SqlText(
                    $$"""
                    WITH named(digest, tree, chunks, blanks) AS (
                      SELECT m.digest, m.tree_section, m.chunks_section, m.blanks_section FROM {rows} {{ManifestsByDigest}})
                    SELECT n.digest, s.digest, s.plain_length, s.zstd FROM named n JOIN sections s ON s.id = n.tree WHERE s.plain_length <= @max
                    UNION ALL
                    SELECT n.digest, s.digest, s.plain_length, s.zstd FROM named n JOIN sections s ON s.id = n.chunks WHERE s.plain_length <= @max
                    UNION ALL
                    SELECT n.digest, s.digest, s.plain_length, s.zstd FROM named n JOIN sections s ON s.id = n.blanks WHERE s.plain_length <= @max
                    """,
                    ("@max", plainBytesMax)),
                new RowSet(digests.Length).Digest("digest", digests),
                reader => (
                    ManifestDigest.Read(reader.GetBytes(0)),
                    new StoredSection(SectionDigest.Read(reader.GetBytes(1)), reader.GetInt32(2), reader.GetBytes(3))),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return await WholeOnlyAsync(
            [.. found.DistinctBy(section => section.Item2.Digest)], static found => found.Item2, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ManifestLocations>> GetLocationsAsync(
        StoreId store, IReadOnlyCollection<ManifestDigest> manifests, CancellationToken cancellationToken)
    {
        byte[][] digests = [.. manifests.Distinct().Select(digest => digest.ToArray())];
        var found = await ReadAsync(
            session => session.QueryRowsAsync(
                new SqlText(
                    $$"""
                    SELECT m.digest, l.places, (SELECT p.hash_part FROM paths p WHERE p.manifest = m.id AND p.store = @store LIMIT 1)
                    FROM {rows} {{ManifestsByDigest}} LEFT JOIN locations l ON l.section = m.chunks_section
                    """,
                    ("@store", store.Value)),
                new RowSet(digests.Length).Digest("digest", digests),
                reader => reader.GetStringOrNull(2) is not { } hashPart
                    ? null
                    : new PlacesRow(
                        ManifestDigest.Read(reader.GetBytes(0)), reader.IsDBNull(1) ? [] : reader.GetBytes(1), hashPart),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        var locations = new List<ManifestLocations>(found.Count);
        foreach (var row in found.OfType<PlacesRow>())
        {
            locations.Add(new ManifestLocations(
                row.Manifest,
                await DecodeOrRebuildAsync(store, row.Manifest, row.Places, cancellationToken).ConfigureAwait(false),
                row.HashPart));
        }

        return locations;
    }

    private sealed record PlacesRow(ManifestDigest Manifest, byte[] Places, string HashPart);

    private async Task<IReadOnlyList<ChunkLocation>> DecodeOrRebuildAsync(
        StoreId store, ManifestDigest manifest, byte[] places, CancellationToken cancellationToken)
    {
        try
        {
            return LocationCodec.Decode(places);
        }
        catch (InvalidDataException)
        {
            _notice($"the remembered places of manifest {manifest} are damaged in the database; they are made again from the index");
        }

        var chunks = await RefreshLocationsAsync(store, manifest, cancellationToken).ConfigureAwait(false);
        return [.. (chunks ?? []).Select(chunk => chunk.Location)];
    }

    /// <inheritdoc/>
    public Task<MetadataStatistics> GetStatisticsAsync(CancellationToken cancellationToken) => ReadAsync(
        async session => (await session.FirstAsync(
            $"""
            SELECT (SELECT count(*) FROM paths), (SELECT count(*) FROM manifests),
              (SELECT count(*) FROM sections), (SELECT coalesce(sum(length(zstd)), 0) FROM sections),
              (SELECT count(*) FROM chunks), (SELECT coalesce(sum(stored_length), 0) FROM chunks), (SELECT count(*) FROM packs),
              {_dialect.DatabaseBytes}
            """,
            reader => new MetadataStatistics(
                reader.GetInt64(0),
                reader.GetInt64(1),
                reader.GetInt64(2),
                reader.GetInt64(3),
                reader.GetInt64(4),
                reader.GetInt64(5),
                reader.GetInt64(6),
                reader.GetInt64(7)),
            cancellationToken).ConfigureAwait(false))!,
        cancellationToken);
}
