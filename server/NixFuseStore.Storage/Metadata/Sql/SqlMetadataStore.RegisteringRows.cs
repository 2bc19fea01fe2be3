using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>
/// Registration: the rows of paths that become valid, in one batch. Row numbers are found by the database on the way, so that no statement
/// has to wait for what another returns. Shared rows are entered in sorted order, so that no two servers lock crosswise.
/// </content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>Adds the statements that make paths valid, and returns the store's new head.</summary>
    private EventPosition AddAll(SqlBatch batch, StoreId store, PathRow[] accepted, Present present)
    {
        // 1. What other paths and stores may share: sections, places of chunks, manifests.
        AddSections(batch, accepted, present);
        AddLocations(batch, accepted, present);
        AddManifests(batch, accepted);

        // 2. Who may read the path may be told of its chunks.
        ChunkId[] foreign =
        [
            .. accepted.SelectMany(candidate => candidate.Path.ChunkIds).Distinct().Where(id => present.Chunks[id].Store != store).Order(),
        ];
        batch.ExecuteRows(ShareChunks(store), DigestRows(foreign));

        // 3. The paths, which get the event numbers behind the head in this order, and what hangs on them.
        long now = NowSeconds();
        AddPaths(batch, store, accepted, present.Head, now);
        AddReferences(batch, store, accepted);
        batch.ExecuteRows(
            InsertSignatures(store),
            SignatureRows(
            [
                .. accepted.SelectMany(candidate => candidate.Path.Signatures.Select(text => (candidate.HashPart, NixSignature, text))
                    .Concat(candidate.Path.StoreSignatures.Select(text => (candidate.HashPart, StoreSignature, text)))),
            ]));
        AddDerivationOutputs(batch, store, accepted);

        // 4. The news.
        var paths = Array.ConvertAll(accepted, candidate => candidate.Path.Path);
        for (int i = 0; i < accepted.Length; i++)
        {
            accepted[i].Outcome = RegistrationOutcome.Registered;
            accepted[i].Stored = ToStored(accepted[i], present.Head + 1 + (ulong)i, now);
        }

        return AddEvents(batch, store, present.Head, StoreEventKind.Registered, paths);
    }

    private static StoredPath ToStored(PathRow candidate, ulong number, long now) => new()
    {
        Path = candidate.Path.Path,
        NarHash = candidate.Path.NarHash,
        NarSize = candidate.Path.NarSize,
        References = candidate.References,
        Deriver = candidate.Path.Deriver,
        ContentAddress = candidate.Path.ContentAddress,
        ManifestDigest = candidate.Path.Manifest.Digest,
        ManifestHeader = candidate.Path.Manifest.ToBytes(),
        Signatures = [.. candidate.Path.Signatures.Distinct().Order(StringComparer.Ordinal)],
        StoreSignatures = [.. candidate.Path.StoreSignatures.Distinct().Order(StringComparer.Ordinal)],
        RegistrationTime = now,
        Ultimate = candidate.Path.Ultimate,
        Event = number,
    };

    /// <summary>The locks of a registration: on the sweep, and on the store.</summary>
    private void AddLocks(SqlBatch batch, StoreId store, Action<ulong> head)
    {
        if (_dialect.LockSweep(exclusive: false) is { } sweep)
        {
            batch.Query(sweep, static _ => { });
        }

        batch.Query(LockStore(store), reader => head((ulong)reader.GetInt64(0)));
    }

    private static void AddSections(SqlBatch batch, PathRow[] accepted, Present present)
    {
        // Those that are there already need not be sent to the database. Of the others, another store's registration may be entering some
        // as well; either way they are there afterwards.
        var given = new Dictionary<SectionDigest, StoredSection>();
        foreach (var section in accepted.SelectMany(candidate => candidate.Path.Sections))
        {
            given.TryAdd(section.Digest, section);
        }

        StoredSection[] rows =
        [
            .. accepted.SelectMany(candidate => SectionsOf(candidate.Path.Manifest)).Distinct().Order()
                .Where(digest => !present.Sections.ContainsKey(digest))
                .Select(digest => given.TryGetValue(digest, out var section)
                    ? section
                    : throw new ArgumentException($"A manifest names section {digest}, which neither came along nor is stored.")),
        ];
        batch.ExecuteRows(
            """
            INSERT INTO sections (digest, plain_length, zstd) SELECT r.digest, r.plain_length, r.zstd FROM {rows} WHERE 1 = 1
            ON CONFLICT DO NOTHING
            """,
            new RowSet(rows.Length)
                .Digest("digest", Array.ConvertAll(rows, section => section.Digest.ToArray()))
                .Int("plain_length", Array.ConvertAll(rows, section => section.PlainLength))
                .Bytes("zstd", Array.ConvertAll(rows, section => section.Zstd.ToArray())));
    }

    private void AddLocations(SqlBatch batch, PathRow[] accepted, Present present)
    {
        // 1. Places belong to a chunks section, so manifests with the same chunks share them.
        (byte[] Digest, ChunkLocation[] Places)[] wanted =
        [
            .. accepted.Where(candidate => candidate.Path.ChunkIds.Count > 0)
                .Select(candidate => (Digest: candidate.Path.Manifest.GetDigest(ManifestSection.Chunks), candidate.Path.ChunkIds))
                .Where(section => !present.Sections.GetValueOrDefault(section.Digest))
                .DistinctBy(section => section.Digest)
                .OrderBy(section => section.Digest)
                .Select(section => (section.Digest.ToArray(), section.ChunkIds.Select(id => present.Chunks[id].Location).ToArray())),
        ];
        string sections = _dialect.JoinByIndex("sections", "s", "s.digest = r.digest");
        batch.ExecuteRows(
            $"INSERT INTO locations (section, places) SELECT s.id, r.places FROM {{rows}} {sections} WHERE 1 = 1 ON CONFLICT DO NOTHING",
            new RowSet(wanted.Length)
                .Digest("digest", Array.ConvertAll(wanted, section => section.Digest))
                .Bytes("places", Array.ConvertAll(wanted, section => LocationCodec.Encode(section.Places))));

        // 2. How many bytes of each pack they hold alive.
        (byte[] Digest, int Pack, long Bytes)[] packs =
        [
            .. wanted.SelectMany(section => section.Places.Distinct().GroupBy(place => place.Pack.Value).OrderBy(pack => pack.Key)
                .Select(pack => (section.Digest, pack.Key, pack.Sum(place => (long)place.StoredLength)))),
        ];
        batch.ExecuteRows(
            $"INSERT INTO section_packs (section, pack, bytes) SELECT s.id, r.pack, r.bytes FROM {{rows}} {sections} WHERE 1 = 1 ON CONFLICT DO NOTHING",
            new RowSet(packs.Length)
                .Digest("digest", Array.ConvertAll(packs, row => row.Digest))
                .Int("pack", Array.ConvertAll(packs, row => row.Pack))
                .Big("bytes", Array.ConvertAll(packs, row => row.Bytes)));
    }

    private static void AddManifests(SqlBatch batch, PathRow[] accepted)
    {
        var headers = accepted.Select(candidate => candidate.Path.Manifest).DistinctBy(header => header.Digest)
            .OrderBy(header => header.Digest).ToArray();
        byte[]?[] Digests(ManifestSection section) =>
            Array.ConvertAll(headers, header => header.GetLength(section) > 0 ? header.GetDigest(section).ToArray() : null);

        batch.ExecuteRows(
            """
            INSERT INTO manifests (digest, header, root_kind, root_executable, root_size, tree_section, chunks_section, blanks_section)
            SELECT r.digest, r.header, r.root_kind, r.root_executable, r.root_size,
              (SELECT s.id FROM sections s WHERE s.digest = r.tree),
              (SELECT s.id FROM sections s WHERE s.digest = r.chunks),
              (SELECT s.id FROM sections s WHERE s.digest = r.blanks)
            FROM {rows} WHERE 1 = 1
            ON CONFLICT DO NOTHING
            """,
            new RowSet(headers.Length)
                .Digest("digest", Array.ConvertAll(headers, header => header.Digest.ToArray()))
                .Bytes("header", Array.ConvertAll(headers, header => header.ToBytes()))
                .Int("root_kind", Array.ConvertAll(headers, header => (int)header.RootKind))
                .Int("root_executable", Array.ConvertAll(headers, header => header.RootIsExecutable ? 1 : 0))
                .Big("root_size", Array.ConvertAll(headers, header => (long)header.RootSize))
                .NullableBytes("tree", Digests(ManifestSection.Tree))
                .NullableBytes("chunks", Digests(ManifestSection.Chunks))
                .NullableBytes("blanks", Digests(ManifestSection.Blanks)));
    }

    private static void AddPaths(SqlBatch batch, StoreId store, PathRow[] accepted, ulong head, long now) => batch.ExecuteRows(
        new SqlText(
            """
            INSERT INTO paths (store, hash_part, name, nar_hash, nar_size, deriver, content_address, registered, ultimate, manifest, event)
            SELECT @store, r.hash_part, r.name, r.nar_hash, r.nar_size, r.deriver, r.content_address, @now, r.ultimate,
              (SELECT m.id FROM manifests m WHERE m.digest = r.manifest), @head + 1 + r.ord
            FROM {rows}
            """,
            ("@store", store.Value),
            ("@now", now),
            ("@head", (long)head)),
        new RowSet(accepted.Length)
            .Text("hash_part", Array.ConvertAll(accepted, candidate => candidate.HashPart))
            .Text("name", Array.ConvertAll(accepted, candidate => candidate.Path.Path.Name))
            .Digest("nar_hash", Array.ConvertAll(accepted, candidate => candidate.Path.NarHash))
            .Big("nar_size", Array.ConvertAll(accepted, candidate => (long)candidate.Path.NarSize))
            .Text("deriver", Array.ConvertAll(accepted, candidate => candidate.Path.Deriver?.BaseName))
            .Text("content_address", Array.ConvertAll(accepted, candidate => candidate.Path.ContentAddress))
            .Int("ultimate", Array.ConvertAll(accepted, candidate => candidate.Path.Ultimate ? 1 : 0))
            .Digest("manifest", Array.ConvertAll(accepted, candidate => candidate.Path.Manifest.Digest.ToArray())));

    private void AddReferences(SqlBatch batch, StoreId store, PathRow[] accepted)
    {
        (string Referrer, string Reference)[] references =
            [.. accepted.SelectMany(candidate => candidate.References.Select(reference => (candidate.HashPart, reference.HashPart)))];
        batch.ExecuteRows(
            new SqlText(
                $$"""
                INSERT INTO path_references (referrer, reference) SELECT p.id, q.id FROM {rows}
                {{_dialect.JoinByIndex("paths", "p", "p.store = @store AND p.hash_part = r.referrer")}}
                {{_dialect.JoinByIndex("paths", "q", "q.store = @store AND q.hash_part = r.reference")}}
                """,
                ("@store", store.Value)),
            new RowSet(references.Length)
                .Text("referrer", Array.ConvertAll(references, pair => pair.Referrer))
                .Text("reference", Array.ConvertAll(references, pair => pair.Reference)));
    }

    private Task<int> InsertSignaturesAsync(
        SqlSession session, StoreId store, (string HashPart, int Kind, string Text)[] signatures, CancellationToken cancellationToken) =>
        session.ExecuteRowsAsync(InsertSignatures(store), SignatureRows(signatures), cancellationToken);

    private SqlText InsertSignatures(StoreId store) => new(
        $$"""
        INSERT INTO signatures (path, kind, signature) SELECT p.id, r.kind, r.signature FROM {rows} {{PathsByHashPart}} WHERE 1 = 1
        ON CONFLICT DO NOTHING
        """,
        ("@store", store.Value));

    private static RowSet SignatureRows((string HashPart, int Kind, string Text)[] signatures) => new RowSet(signatures.Length)
        .Text("hash_part", Array.ConvertAll(signatures, signature => signature.HashPart))
        .Int("kind", Array.ConvertAll(signatures, signature => signature.Kind))
        .Text("signature", Array.ConvertAll(signatures, signature => signature.Text));
}
