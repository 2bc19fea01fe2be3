using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Registration: the rows of paths that become valid. Shared rows are entered in sorted order, so that no two servers lock crosswise.</content>
internal sealed partial class SqlMetadataStore
{
    private async Task<ulong> WriteAsync(
        SqlSession session,
        StoreId store,
        Candidate[] accepted,
        Dictionary<string, ValidPath> valid,
        Dictionary<ChunkId, FoundChunk> chunks,
        ulong head,
        CancellationToken cancellationToken)
    {
        // 1. What other paths and stores may share: sections, places of chunks, manifests.
        var sections = await InsertSectionsAsync(session, accepted, cancellationToken).ConfigureAwait(false);
        await InsertLocationsAsync(session, accepted, sections, chunks, cancellationToken).ConfigureAwait(false);
        var manifests = await InsertManifestsAsync(session, accepted, sections, cancellationToken).ConfigureAwait(false);

        // 2. Who may read the path may be told of its chunks.
        ChunkId[] foreign =
        [
            .. accepted.SelectMany(candidate => candidate.Path.ChunkIds).Distinct().Where(id => chunks[id].Store != store).Order(),
        ];
        await ShareChunksAsync(session, store, foreign, cancellationToken).ConfigureAwait(false);

        // 3. The paths, which get the event numbers behind the head in this order.
        long now = NowSeconds();
        await InsertPathsAsync(session, store, accepted, manifests, head, now, cancellationToken).ConfigureAwait(false);

        // 4. What hangs on them.
        var rowIds = accepted.ToDictionary(candidate => candidate.HashPart, candidate => candidate.RowId);
        (long Referrer, long Reference)[] references =
        [
            .. accepted.SelectMany(candidate => candidate.References.Select(reference => (
                candidate.RowId,
                rowIds.TryGetValue(reference.HashPart, out long id) ? id : valid[reference.HashPart].Id))),
        ];
        await session.ExecuteRowsAsync(
            "INSERT INTO path_references (referrer, reference) SELECT r.referrer, r.reference FROM {rows}",
            new RowSet(references.Length)
                .Big("referrer", Array.ConvertAll(references, pair => pair.Referrer))
                .Big("reference", Array.ConvertAll(references, pair => pair.Reference)),
            cancellationToken).ConfigureAwait(false);
        await InsertSignaturesAsync(
            session,
            [
                .. accepted.SelectMany(candidate => candidate.Path.Signatures.Select(text => (candidate.RowId, NixSignature, text))
                    .Concat(candidate.Path.StoreSignatures.Select(text => (candidate.RowId, StoreSignature, text)))),
            ],
            cancellationToken).ConfigureAwait(false);
        await InsertDerivationOutputsAsync(session, accepted, cancellationToken).ConfigureAwait(false);

        // 5. The news.
        var paths = Array.ConvertAll(accepted, candidate => candidate.Path.Path);
        for (int i = 0; i < accepted.Length; i++)
        {
            accepted[i].Outcome = RegistrationOutcome.Registered;
            accepted[i].Stored = ToStored(accepted[i], head + 1 + (ulong)i, now);
        }

        return await AppendEventsAsync(session, store, head, StoreEventKind.Registered, paths, cancellationToken).ConfigureAwait(false);
    }

    private static StoredPath ToStored(Candidate candidate, ulong number, long now) => new()
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

    /// <summary>Row numbers of all sections that the manifests name.</summary>
    private async Task<Dictionary<SectionDigest, long>> InsertSectionsAsync(
        SqlSession session, Candidate[] accepted, CancellationToken cancellationToken)
    {
        // 1. Those that are there already need not be sent to the database.
        SectionDigest[] named =
        [
            .. accepted.SelectMany(candidate => Enum.GetValues<ManifestSection>()
                    .Where(section => candidate.Path.Manifest.GetLength(section) > 0)
                    .Select(candidate.Path.Manifest.GetDigest))
                .Distinct()
                .Order(),
        ];
        var ids = await FindSectionsAsync(session, named, cancellationToken).ConfigureAwait(false);
        SectionDigest[] absent = [.. named.Where(digest => !ids.ContainsKey(digest))];
        if (absent.Length == 0)
        {
            return ids;
        }

        // 2. The rest is entered, unless another store's registration is just doing so; either way it is there afterwards.
        var given = new Dictionary<SectionDigest, StoredSection>();
        foreach (var section in accepted.SelectMany(candidate => candidate.Path.Sections))
        {
            given.TryAdd(section.Digest, section);
        }

        var rows = Array.ConvertAll(absent, digest => given.TryGetValue(digest, out var section)
            ? section
            : throw new ArgumentException($"A manifest names section {digest}, which neither came along nor is stored."));
        await session.ExecuteRowsAsync(
            """
            INSERT INTO sections (digest, plain_length, zstd) SELECT r.digest, r.plain_length, r.zstd FROM {rows} WHERE 1 = 1
            ON CONFLICT DO NOTHING
            """,
            new RowSet(rows.Length)
                .Digest("digest", Array.ConvertAll(rows, section => section.Digest.ToArray()))
                .Int("plain_length", Array.ConvertAll(rows, section => section.PlainLength))
                .Bytes("zstd", Array.ConvertAll(rows, section => section.Zstd.ToArray())),
            cancellationToken).ConfigureAwait(false);
        foreach (var (digest, id) in await FindSectionsAsync(session, absent, cancellationToken).ConfigureAwait(false))
        {
            ids[digest] = id;
        }

        return ids;
    }

    private async Task<Dictionary<SectionDigest, long>> FindSectionsAsync(
        SqlSession session, SectionDigest[] digests, CancellationToken cancellationToken)
    {
        var rows = await session.QueryRowsAsync(
            $"SELECT r.ord, s.id FROM {{rows}} {_dialect.JoinByIndex("sections", "s", "s.digest = r.digest")}",
            new RowSet(digests.Length).Digest("digest", Array.ConvertAll(digests, digest => digest.ToArray())),
            reader => (Digest: digests[reader.GetInt64(0)], Id: reader.GetInt64(1)),
            cancellationToken).ConfigureAwait(false);
        return rows.ToDictionary(row => row.Digest, row => row.Id);
    }

    private async Task InsertLocationsAsync(
        SqlSession session,
        Candidate[] accepted,
        Dictionary<SectionDigest, long> sections,
        Dictionary<ChunkId, FoundChunk> chunks,
        CancellationToken cancellationToken)
    {
        // 1. Places belong to a chunks section, so manifests with the same chunks share them.
        var wanted = new SortedDictionary<long, Candidate>();
        foreach (var candidate in accepted.Where(candidate => candidate.Path.ChunkIds.Count > 0))
        {
            wanted.TryAdd(sections[candidate.Path.Manifest.GetDigest(ManifestSection.Chunks)], candidate);
        }

        var present = await session.QueryRowsAsync(
            $"SELECT l.section FROM {{rows}} {_dialect.JoinByIndex("locations", "l", "l.section = r.section")}",
            new RowSet(wanted.Count).Big("section", [.. wanted.Keys]),
            reader => reader.GetInt64(0),
            cancellationToken).ConfigureAwait(false);
        foreach (long section in present)
        {
            wanted.Remove(section);
        }

        // 2. The new ones, and how many bytes of each pack they hold alive.
        var places = wanted.ToDictionary(
            pair => pair.Key, pair => pair.Value.Path.ChunkIds.Select(id => chunks[id].Location).ToArray());
        await session.ExecuteRowsAsync(
            "INSERT INTO locations (section, places) SELECT r.section, r.places FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING",
            new RowSet(places.Count).Big("section", [.. places.Keys]).Bytes("places", [.. places.Values.Select(LocationCodec.Encode)]),
            cancellationToken).ConfigureAwait(false);
        (long Section, int Pack, long Bytes)[] packs =
        [
            .. places.SelectMany(pair => pair.Value.Distinct().GroupBy(place => place.Pack.Value).OrderBy(pack => pack.Key)
                .Select(pack => (pair.Key, pack.Key, pack.Sum(place => (long)place.StoredLength)))),
        ];
        await session.ExecuteRowsAsync(
            "INSERT INTO section_packs (section, pack, bytes) SELECT r.section, r.pack, r.bytes FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING",
            new RowSet(packs.Length)
                .Big("section", Array.ConvertAll(packs, row => row.Section))
                .Int("pack", Array.ConvertAll(packs, row => row.Pack))
                .Big("bytes", Array.ConvertAll(packs, row => row.Bytes)),
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<Dictionary<ManifestDigest, long>> InsertManifestsAsync(
        SqlSession session, Candidate[] accepted, Dictionary<SectionDigest, long> sections, CancellationToken cancellationToken)
    {
        var headers = accepted.Select(candidate => candidate.Path.Manifest).DistinctBy(header => header.Digest)
            .OrderBy(header => header.Digest).ToArray();
        long?[] RowIds(ManifestSection section) =>
            Array.ConvertAll(headers, header => header.GetLength(section) > 0 ? sections[header.GetDigest(section)] : (long?)null);

        await session.ExecuteRowsAsync(
            """
            INSERT INTO manifests (digest, header, root_kind, root_executable, root_size, tree_section, chunks_section, blanks_section)
            SELECT r.digest, r.header, r.root_kind, r.root_executable, r.root_size, r.tree, r.chunks, r.blanks FROM {rows} WHERE 1 = 1
            ON CONFLICT DO NOTHING
            """,
            new RowSet(headers.Length)
                .Digest("digest", Array.ConvertAll(headers, header => header.Digest.ToArray()))
                .Bytes("header", Array.ConvertAll(headers, header => header.ToBytes()))
                .Int("root_kind", Array.ConvertAll(headers, header => (int)header.RootKind))
                .Int("root_executable", Array.ConvertAll(headers, header => header.RootIsExecutable ? 1 : 0))
                .Big("root_size", Array.ConvertAll(headers, header => (long)header.RootSize))
                .NullableBig("tree", RowIds(ManifestSection.Tree))
                .NullableBig("chunks", RowIds(ManifestSection.Chunks))
                .NullableBig("blanks", RowIds(ManifestSection.Blanks)),
            cancellationToken).ConfigureAwait(false);
        var rows = await session.QueryRowsAsync(
            $"SELECT r.ord, m.id FROM {{rows}} {ManifestsByDigest}",
            new RowSet(headers.Length).Digest("digest", Array.ConvertAll(headers, header => header.Digest.ToArray())),
            reader => (headers[reader.GetInt64(0)].Digest, Id: reader.GetInt64(1)),
            cancellationToken).ConfigureAwait(false);
        return rows.ToDictionary(row => row.Digest, row => row.Id);
    }

    private static async Task InsertPathsAsync(
        SqlSession session,
        StoreId store,
        Candidate[] accepted,
        Dictionary<ManifestDigest, long> manifests,
        ulong head,
        long now,
        CancellationToken cancellationToken)
    {
        var rows = await session.QueryRowsAsync(
            new SqlText(
                """
                INSERT INTO paths (store, hash_part, name, nar_hash, nar_size, deriver, content_address, registered, ultimate, manifest, event)
                SELECT @store, r.hash_part, r.name, r.nar_hash, r.nar_size, r.deriver, r.content_address, @now, r.ultimate, r.manifest,
                  @head + 1 + r.ord
                FROM {rows} WHERE 1 = 1 RETURNING id, hash_part
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
                .Big("manifest", Array.ConvertAll(accepted, candidate => manifests[candidate.Path.Manifest.Digest])),
            reader => (Id: reader.GetInt64(0), HashPart: reader.GetString(1)),
            cancellationToken).ConfigureAwait(false);
        var byHashPart = rows.ToDictionary(row => row.HashPart, row => row.Id);
        foreach (var candidate in accepted)
        {
            candidate.RowId = byHashPart[candidate.HashPart];
        }
    }

    private static Task<int> InsertSignaturesAsync(
        SqlSession session, (long Path, int Kind, string Text)[] signatures, CancellationToken cancellationToken) => session.ExecuteRowsAsync(
        """
        INSERT INTO signatures (path, kind, signature) SELECT r.path, r.kind, r.signature FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING
        """,
        new RowSet(signatures.Length)
            .Big("path", Array.ConvertAll(signatures, signature => signature.Path))
            .Int("kind", Array.ConvertAll(signatures, signature => signature.Kind))
            .Text("signature", Array.ConvertAll(signatures, signature => signature.Text)),
        cancellationToken);
}
