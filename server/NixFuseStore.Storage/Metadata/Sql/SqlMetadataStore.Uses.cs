using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Which chunks are read.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task ReportUseAsync(StoreId store, IReadOnlyCollection<ChunkUse> uses, CancellationToken cancellationToken) => WriteAsync(
        durable: false,
        async session =>
        {
            // 1. What is known. Two reports at the same moment may lose one of them, which is better than having one wait.
            var byManifest = uses.ToLookup(use => use.Manifest);
            byte[][] digests = [.. byManifest.Select(group => group.Key.ToArray())];
            var rows = await session.QueryRowsAsync(
                new SqlText(
                    """
                    SELECT m.digest, m.header, m.chunks_section, u.scores
                    FROM {rows} JOIN manifests m ON m.digest = r.digest
                    LEFT JOIN chunk_uses u ON u.store = @store AND u.section = m.chunks_section
                    WHERE m.chunks_section IS NOT NULL AND EXISTS (SELECT 1 FROM paths p WHERE p.manifest = m.id AND p.store = @store)
                    """,
                    ("@store", store.Value)),
                new RowSet(digests.Length).Digest("digest", digests),
                reader => (
                    Manifest: ManifestDigest.Read(reader.GetBytes(0)),
                    Header: reader.GetBytes(1),
                    Section: reader.GetInt64(2),
                    Scores: reader.IsDBNull(3) ? [] : reader.GetBytes(3)),
                cancellationToken).ConfigureAwait(false);

            // 2. Several manifests may share a section, as those of a mass rebuild do. In ascending order, as all transactions lock rows.
            var sections = new SortedDictionary<long, UseScores>();
            foreach (var row in rows)
            {
                if (!ManifestHeader.TryParse(row.Header, out var header))
                {
                    continue;
                }

                if (!sections.TryGetValue(row.Section, out var scores))
                {
                    sections.Add(row.Section, scores = new UseScores(header.ChunkCount, row.Scores));
                }

                foreach (var use in byManifest[row.Manifest])
                {
                    scores.Add(use);
                }
            }

            // 3. Kept.
            return await session.ExecuteRowsAsync(
                new SqlText(
                    """
                    INSERT INTO chunk_uses (store, section, scores) SELECT @store, r.section, r.scores FROM {rows} WHERE 1 = 1
                    ON CONFLICT (section, store) DO UPDATE SET scores = excluded.scores
                    """,
                    ("@store", store.Value)),
                new RowSet(sections.Count).Big("section", [.. sections.Keys]).Bytes("scores", [.. sections.Values.Select(scores => scores.ToRow())]),
                cancellationToken).ConfigureAwait(false);
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<ManifestDigest, IReadOnlyList<ChunkRun>>> GetUsedChunksAsync(
        StoreId store, IReadOnlyCollection<ManifestDigest> manifests, CancellationToken cancellationToken)
    {
        byte[][] digests = [.. manifests.Distinct().Select(digest => digest.ToArray())];
        var rows = await ReadAsync(
            session => session.QueryRowsAsync(
                new SqlText(
                    """
                    SELECT m.digest, m.header, u.scores
                    FROM {rows} JOIN manifests m ON m.digest = r.digest JOIN chunk_uses u ON u.store = @store AND u.section = m.chunks_section
                    """,
                    ("@store", store.Value)),
                new RowSet(digests.Length).Digest("digest", digests),
                reader => (Manifest: ManifestDigest.Read(reader.GetBytes(0)), Header: reader.GetBytes(1), Scores: reader.GetBytes(2)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        var used = new Dictionary<ManifestDigest, IReadOnlyList<ChunkRun>>(rows.Count);
        foreach (var row in rows)
        {
            if (ManifestHeader.TryParse(row.Header, out var header) && new UseScores(header.ChunkCount, row.Scores).Used() is { Count: > 0 } runs)
            {
                used[row.Manifest] = runs;
            }
        }

        return used;
    }
}
