using System.Data.Common;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>What is damaged: noting it, and healing it when good bytes have come.</content>
internal sealed partial class SqlMetadataStore
{
    private const string DamagedColumns = "d.pack, d.start, d.stored_length, d.plain_length, d.encoding, d.sum";

    /// <summary>1 where something of manifest <c>m</c> is damaged. The table is nearly always empty.</summary>
    private const string ManifestIsDamaged =
        "(SELECT count(*) FROM damage d WHERE d.section IN (m.tree_section, m.chunks_section, m.blanks_section))";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<DamagedChunk>> MarkDamagedAsync(
        IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        var (marked, heads) = await WriteAsync(
            durable: true, session => MarkAsync(session, chunks, cancellationToken), cancellationToken).ConfigureAwait(false);
        Announce(heads);
        return marked;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<DamagedChunk>> ListDamagedAsync(CancellationToken cancellationToken) => await ReadAsync(
        async session =>
        {
            var chunks = await session.QueryAsync(
                $"SELECT {DamagedColumns}, d.digest FROM damaged_chunks d", ReadIndexed, cancellationToken).ConfigureAwait(false);
            return await DescribeAsync(session, chunks, cancellationToken).ConfigureAwait(false);
        },
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task CorrectSumsAsync(IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        await WriteAsync(
            durable: false,
            async session =>
            {
                // 1. The index.
                IndexedChunk[] sorted = [.. chunks.DistinctBy(chunk => chunk.Id).OrderBy(chunk => chunk.Id)];
                await session.ExecuteRowsAsync(
                    """
                    UPDATE chunks SET sum = r.sum FROM {rows}
                    WHERE chunks.digest = r.digest AND chunks.pack = r.pack AND chunks.start = r.start
                    """,
                    PlaceRows(sorted),
                    cancellationToken).ConfigureAwait(false);

                // 2. The remembered places.
                var sums = sorted.ToDictionary(
                    chunk => (chunk.Location.Pack, chunk.Location.Offset, chunk.Location.StoredLength), chunk => chunk.Location.Sum);
                foreach (var (section, places) in await ReadPlacesAsync(session, sorted, cancellationToken).ConfigureAwait(false))
                {
                    ChunkLocation[] corrected =
                    [
                        .. places.Select(place =>
                            sums.TryGetValue((place.Pack, place.Offset, place.StoredLength), out var sum) ? place with { Sum = sum } : place),
                    ];
                    await WritePlacesAsync(session, section, corrected, packsToo: false, cancellationToken).ConfigureAwait(false);
                }

                return 0;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task RestoreChunksAsync(IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        var heads = await WriteAsync(
            durable: true,
            async session =>
            {
                var stores = await ReadDamagedStoresAsync(session, chunks, cancellationToken).ConfigureAwait(false);
                foreach (var store in chunks.DistinctBy(chunk => chunk.Id).GroupBy(chunk => stores.GetValueOrDefault(chunk.Id)))
                {
                    var batch = new SqlBatch();
                    AddChunks(batch, new StoreId(store.Key), [.. store.OrderBy(chunk => chunk.Id)], static () => { });
                    await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
                }

                return await HealAsync(session, [.. chunks.Select(chunk => chunk.Id)], cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        Announce(heads);
    }

    /// <inheritdoc/>
    public Task<string?> FindBlobStoreAsync(CancellationToken cancellationToken) => ReadAsync(
        session => session.FirstAsync("SELECT identity FROM blob_stores", reader => reader.GetString(0), cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public Task AddBlobStoreAsync(string identity, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        session => session.ExecuteAsync(
            new SqlText(
                "INSERT INTO blob_stores (identity, created) SELECT @identity, @now WHERE NOT EXISTS (SELECT 1 FROM blob_stores)",
                ("@identity", identity),
                ("@now", NowSeconds())),
            cancellationToken),
        cancellationToken);

    /// <summary>
    /// What has become of damaged chunks that the index has again: places, visibility and descriptions of all that need them follow.
    /// To be called in the transaction that entered them.
    /// </summary>
    /// <returns>Stores with new events.</returns>
    private async Task<List<(StoreId Store, EventPosition Head)>> HealAsync(
        SqlSession session, IReadOnlyList<ChunkId> entered, CancellationToken cancellationToken)
    {
        // 1. Which of them are known as damaged, and what needs them.
        ChunkId[] ids = [.. entered.Distinct().Order()];
        var healed = await session.QueryRowsAsync(
            $"SELECT d.digest FROM {{rows}} {_dialect.JoinByIndex("damaged_chunks", "d", "d.digest = r.digest")}",
            DigestRows(ids),
            reader => ChunkId.Read(reader.GetBytes(0)),
            cancellationToken).ConfigureAwait(false);
        if (healed.Count == 0)
        {
            return [];
        }

        healed.Sort();
        var sections = await SectionsOfAsync(session, healed, cancellationToken).ConfigureAwait(false);

        // 2. Who could see them still can.
        await session.ExecuteRowsAsync(
            $$"""
            INSERT INTO chunk_stores (digest, store) SELECT d.digest, d.store FROM {rows}
            {{_dialect.JoinByIndex("damaged_chunks", "d", "d.digest = r.digest")}} JOIN chunks c ON c.digest = d.digest
            WHERE d.store <> 0 AND d.store <> c.store ON CONFLICT DO NOTHING
            """,
            DigestRows(healed),
            cancellationToken).ConfigureAwait(false);

        // 3. The damage is gone, and what the compressed NARs were is not known any more: the new bytes may be compressed otherwise.
        await session.ExecuteRowsAsync(
            "DELETE FROM damage WHERE digest IN (SELECT r.digest FROM {rows})", DigestRows(healed), cancellationToken).ConfigureAwait(false);
        await session.ExecuteRowsAsync(
            "DELETE FROM damaged_chunks WHERE digest IN (SELECT r.digest FROM {rows})", DigestRows(healed), cancellationToken)
            .ConfigureAwait(false);
        foreach (long section in sections)
        {
            await RebuildPlacesAsync(session, section, cancellationToken).ConfigureAwait(false);
        }

        await session.ExecuteRowsAsync(
            """
            DELETE FROM compressed_nars WHERE manifest IN (
              SELECT m.id FROM manifests m WHERE m.chunks_section IN (SELECT r.section FROM {rows}))
            """,
            SectionRows(sections),
            cancellationToken).ConfigureAwait(false);

        // 4. The news.
        var paths = await PathsOfChunksAsync(session, sections, cancellationToken).ConfigureAwait(false);
        return await TellAsync(session, [.. paths.Select(path => (path.Store, path.Path))], cancellationToken).ConfigureAwait(false);
    }

    private async Task<(IReadOnlyList<DamagedChunk> Marked, List<(StoreId Store, EventPosition Head)> Heads)> MarkAsync(
        SqlSession session, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        // 1. No registration is about to rely on them meanwhile.
        if (_dialect.LockSweep(exclusive: true) is { } sweep)
        {
            await session.QueryAsync(sweep, static _ => 0, cancellationToken).ConfigureAwait(false);
        }

        // 2. Those that the index has elsewhere were healed a moment ago.
        IndexedChunk[] sorted = [.. chunks.DistinctBy(chunk => chunk.Id).OrderBy(chunk => chunk.Id)];
        var stores = new Dictionary<ChunkId, int>();
        var elsewhere = new HashSet<ChunkId>();
        await session.QueryRowsAsync(
            $"SELECT c.pack, c.start, c.store, r.ord FROM {{rows}} {ChunksByDigest}",
            DigestRows(Array.ConvertAll(sorted, chunk => chunk.Id)),
            reader =>
            {
                var chunk = sorted[reader.GetInt64(3)];
                bool isThere = chunk.Location.Pack.Value == reader.GetInt32(0) && chunk.Location.Offset == reader.GetInt32(1);
                if (isThere)
                {
                    stores.Add(chunk.Id, reader.GetInt32(2));
                }

                return isThere || elsewhere.Add(chunk.Id);
            },
            cancellationToken).ConfigureAwait(false);
        IndexedChunk[] damaged = [.. sorted.Where(chunk => !elsewhere.Contains(chunk.Id))];

        // 3. Out of the index, and noted.
        await session.ExecuteRowsAsync(
            "DELETE FROM chunks WHERE digest IN (SELECT r.digest FROM {rows})",
            DigestRows(Array.ConvertAll(damaged, chunk => chunk.Id)),
            cancellationToken).ConfigureAwait(false);
        var noted = await session.QueryRowsAsync(
            new SqlText(
                """
                INSERT INTO damaged_chunks (digest, pack, start, stored_length, plain_length, encoding, sum, store, found)
                SELECT r.digest, r.pack, r.start, r.stored_length, r.plain_length, r.encoding, r.sum, r.store, @now FROM {rows} WHERE 1 = 1
                ON CONFLICT DO NOTHING RETURNING digest
                """,
                ("@now", NowSeconds())),
            PlaceRows(damaged).Int("store", Array.ConvertAll(damaged, chunk => stores.GetValueOrDefault(chunk.Id))),
            reader => ChunkId.Read(reader.GetBytes(0)),
            cancellationToken).ConfigureAwait(false);

        // 4. What needs them.
        var news = noted.ToHashSet();
        IndexedChunk[] marked = [.. damaged.Where(chunk => news.Contains(chunk.Id))];
        var byPlace = marked.ToLookup(chunk => (chunk.Location.Pack, chunk.Location.Offset), chunk => chunk.Id);
        var needs = new HashSet<(long Section, ChunkId Id)>();
        foreach (var (section, places) in await ReadPlacesAsync(session, marked, cancellationToken).ConfigureAwait(false))
        {
            needs.UnionWith(places.SelectMany(place => byPlace[(place.Pack, place.Offset)]).Select(id => (section, id)));
        }

        (long Section, ChunkId Id)[] rows = [.. needs.OrderBy(row => row.Section).ThenBy(row => row.Id)];
        await session.ExecuteRowsAsync(
            "INSERT INTO damage (section, digest) SELECT r.section, r.digest FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING",
            new RowSet(rows.Length)
                .Big("section", Array.ConvertAll(rows, row => row.Section))
                .Digest("digest", Array.ConvertAll(rows, row => row.Id.ToArray())),
            cancellationToken).ConfigureAwait(false);

        // 5. The news.
        var paths = await PathsOfChunksAsync(session, [.. rows.Select(row => row.Section).Distinct()], cancellationToken).ConfigureAwait(false);
        var heads = await TellAsync(session, [.. paths.Select(path => (path.Store, path.Path))], cancellationToken).ConfigureAwait(false);
        return (await DescribeAsync(session, marked, cancellationToken).ConfigureAwait(false), heads);
    }

    private async Task<IReadOnlyList<DamagedChunk>> DescribeAsync(
        SqlSession session, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        ChunkId[] ids = [.. chunks.Select(chunk => chunk.Id).Distinct().Order()];
        var needs = await session.QueryRowsAsync(
            $"SELECT d.digest, d.section FROM {{rows}} {_dialect.JoinByIndex("damage", "d", "d.digest = r.digest")}",
            DigestRows(ids),
            reader => (Id: ChunkId.Read(reader.GetBytes(0)), Section: reader.GetInt64(1)),
            cancellationToken).ConfigureAwait(false);
        var paths = (await PathsOfChunksAsync(session, [.. needs.Select(need => need.Section).Distinct().Order()], cancellationToken)
            .ConfigureAwait(false)).ToLookup(path => path.Section, path => path.Path);
        var sections = needs.ToLookup(need => need.Id, need => need.Section);
        var names = (await session.QueryRowsAsync(
            "SELECT p.id, p.name FROM {rows} JOIN packs p ON p.id = r.id",
            PackRows(chunks),
            reader => (Id: reader.GetInt32(0), Name: reader.GetString(1)),
            cancellationToken).ConfigureAwait(false)).ToDictionary(pack => pack.Id, pack => pack.Name);
        return
        [
            .. chunks.Select(chunk => new DamagedChunk(
                chunk.Id,
                chunk.Location,
                names.GetValueOrDefault(chunk.Location.Pack.Value, ""),
                [.. sections[chunk.Id].SelectMany(section => paths[section]).Distinct().Order()])),
        ];
    }

    /// <summary>The remembered places of all sections that have chunks in the packs of these, locked; broken ones are left out.</summary>
    private async Task<List<(long Section, ChunkLocation[] Places)>> ReadPlacesAsync(
        SqlSession session, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        var sections = await session.QueryRowsAsync(
            "SELECT DISTINCT s.section FROM {rows} CROSS JOIN section_packs s WHERE s.pack = r.id",
            PackRows(chunks),
            reader => reader.GetInt64(0),
            cancellationToken).ConfigureAwait(false);
        var found = new List<(long Section, ChunkLocation[] Places)>();
        await session.QueryRowsAsync(
            $"SELECT l.section, l.places FROM {{rows}} {_dialect.JoinByIndex("locations", "l", "l.section = r.section")}",
            SectionRows([.. sections.Distinct().Order()]),
            reader =>
            {
                try
                {
                    found.Add((reader.GetInt64(0), LocationCodec.Decode(reader.GetBytes(1))));
                }
                catch (InvalidDataException)
                {
                    // The next reader has it made again.
                }

                return 0;
            },
            cancellationToken).ConfigureAwait(false);
        return found;
    }

    private async Task<List<long>> SectionsOfAsync(SqlSession session, IReadOnlyList<ChunkId> ids, CancellationToken cancellationToken)
    {
        var sections = await session.QueryRowsAsync(
            $"SELECT d.section FROM {{rows}} {_dialect.JoinByIndex("damage", "d", "d.digest = r.digest")}",
            DigestRows(ids),
            reader => reader.GetInt64(0),
            cancellationToken).ConfigureAwait(false);
        return [.. sections.Distinct().Order()];
    }

    /// <summary>The paths, in all stores, whose content these chunks sections list.</summary>
    private static Task<List<(long Section, StoreId Store, StorePath Path)>> PathsOfChunksAsync(
        SqlSession session, IReadOnlyList<long> sections, CancellationToken cancellationToken) => session.QueryRowsAsync(
        """
        SELECT m.chunks_section, p.store, p.hash_part || '-' || p.name
        FROM {rows} JOIN manifests m ON m.chunks_section = r.section JOIN paths p ON p.manifest = m.id
        """,
        SectionRows(sections),
        reader => (reader.GetInt64(0), new StoreId(reader.GetInt32(1)), StorePath.ParseBaseName(reader.GetString(2))),
        cancellationToken);

    /// <summary>Tells that the content of paths is another than it was a moment ago.</summary>
    private async Task<List<(StoreId Store, EventPosition Head)>> TellAsync(
        SqlSession session, IReadOnlyList<(StoreId Store, StorePath Path)> paths, CancellationToken cancellationToken)
    {
        var heads = new List<(StoreId Store, EventPosition Head)>();
        foreach (var store in paths.Distinct().GroupBy(path => path.Store).OrderBy(store => store.Key.Value))
        {
            ulong head = await LockStoreAsync(session, store.Key, cancellationToken).ConfigureAwait(false);
            StorePath[] changed = [.. store.Select(path => path.Path).Order()];
            heads.Add((store.Key, await AppendEventsAsync(
                session, store.Key, head, StoreEventKind.ContentChanged, changed, cancellationToken).ConfigureAwait(false)));
        }

        return heads;
    }

    private void Announce(List<(StoreId Store, EventPosition Head)> heads)
    {
        foreach (var (store, head) in heads)
        {
            _signal.Advance(store, head);
        }
    }

    private async Task<Dictionary<ChunkId, int>> ReadDamagedStoresAsync(
        SqlSession session, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        ChunkId[] ids = [.. chunks.Select(chunk => chunk.Id).Distinct().Order()];
        var rows = await session.QueryRowsAsync(
            $"SELECT d.digest, d.store FROM {{rows}} {_dialect.JoinByIndex("damaged_chunks", "d", "d.digest = r.digest")}",
            DigestRows(ids),
            reader => (Id: ChunkId.Read(reader.GetBytes(0)), Store: reader.GetInt32(1)),
            cancellationToken).ConfigureAwait(false);
        return rows.ToDictionary(row => row.Id, row => row.Store);
    }

    private static IndexedChunk ReadIndexed(DbDataReader reader) => new(ChunkId.Read(reader.GetBytes(6)), ReadLocation(reader));

    private static RowSet SectionRows(IReadOnlyList<long> sections) => new RowSet(sections.Count).Big("section", [.. sections]);

    private static RowSet PackRows(IReadOnlyList<IndexedChunk> chunks)
    {
        long[] packs = [.. chunks.Select(chunk => (long)chunk.Location.Pack.Value).Distinct().Order()];
        return new RowSet(packs.Length).Big("id", packs);
    }

    private static RowSet PlaceRows(IndexedChunk[] chunks) => new RowSet(chunks.Length)
        .Digest("digest", Array.ConvertAll(chunks, chunk => chunk.Id.ToArray()))
        .Int("pack", Array.ConvertAll(chunks, chunk => chunk.Location.Pack.Value))
        .Int("start", Array.ConvertAll(chunks, chunk => chunk.Location.Offset))
        .Int("stored_length", Array.ConvertAll(chunks, chunk => chunk.Location.StoredLength))
        .Int("plain_length", Array.ConvertAll(chunks, chunk => chunk.Location.PlainLength))
        .Int("encoding", Array.ConvertAll(chunks, chunk => (int)chunk.Location.Encoding))
        .Big("sum", Array.ConvertAll(chunks, chunk => unchecked((long)chunk.Location.Sum.Value)));
}
