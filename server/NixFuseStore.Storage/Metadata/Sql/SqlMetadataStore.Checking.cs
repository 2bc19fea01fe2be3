using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Comparing metadata with its digests, and remembered places with the index.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>Sections that one step of a check reads.</summary>
    private const int CheckedSections = 256;

    private readonly SectionChecks _sectionChecks = new();

    /// <inheritdoc/>
    public async Task<IReadOnlyList<LocatedChunk>?> RefreshLocationsAsync(
        StoreId store, ManifestDigest manifest, CancellationToken cancellationToken)
    {
        // 1. Which section lists the chunks.
        var section = await ReadAsync(
            session => session.FirstAsync(
                new SqlText(
                    """
                    SELECT m.chunks_section FROM manifests m WHERE m.digest = @manifest
                    AND EXISTS (SELECT 1 FROM paths p WHERE p.manifest = m.id AND p.store = @store)
                    """,
                    ("@manifest", manifest.ToArray()),
                    ("@store", store.Value)),
                reader => new SectionNumber(reader.GetInt64OrNull(0)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        if (section?.Value is not { } number)
        {
            return section is null ? null : [];
        }

        // 2. Where they are now.
        var (chunks, heads) = await WriteAsync(
            durable: false,
            async session =>
            {
                var (found, changed) = await RebuildPlacesAsync(session, number, cancellationToken).ConfigureAwait(false);
                var paths = changed ? await PathsOfChunksAsync(session, [number], cancellationToken).ConfigureAwait(false) : [];
                return (found, await TellAsync(session, [.. paths.Select(path => (path.Store, path.Path))], cancellationToken).ConfigureAwait(false));
            },
            cancellationToken).ConfigureAwait(false);
        Announce(heads);
        return chunks;
    }

    /// <inheritdoc/>
    public async Task<MetadataCheck> CheckMetadataAsync(long after, bool repair, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(
            session => session.QueryAsync(
                new SqlText(
                    """
                    SELECT s.id, s.digest, s.plain_length, s.zstd, l.places FROM sections s LEFT JOIN locations l ON l.section = s.id
                    WHERE s.id > @after ORDER BY s.id LIMIT @limit
                    """,
                    ("@after", after),
                    ("@limit", CheckedSections)),
                reader => (
                    Id: reader.GetInt64(0),
                    Section: new StoredSection(SectionDigest.Read(reader.GetBytes(1)), reader.GetInt32(2), reader.GetBytes(3)),
                    Places: reader.IsDBNull(4) ? null : reader.GetBytes(4)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        var faults = new List<string>();
        var damaged = new List<StoredSection>();
        var unindexed = new List<IndexedChunk>();
        foreach (var (id, section, places) in rows)
        {
            if (SectionChecks.TryDecode(section) is null)
            {
                damaged.Add(section);
            }
            else if (places is not null)
            {
                await CheckPlacesAsync(id, section, places, repair, faults, unindexed, cancellationToken).ConfigureAwait(false);
            }
        }

        faults.AddRange(await MarkSectionsAsync(damaged, tellKnown: true, cancellationToken).ConfigureAwait(false));
        if (after == 0)
        {
            faults.AddRange(await CheckHeadersAsync(cancellationToken).ConfigureAwait(false));
            faults.AddRange(await CheckLogsAsync(cancellationToken).ConfigureAwait(false));
        }

        return new MetadataCheck(rows.Count < CheckedSections ? null : rows[^1].Id, rows.Count, faults, unindexed);
    }

    /// <summary>Leaves out sections that are not what their digests name; they are noted and told.</summary>
    private async Task<List<T>> WholeOnlyAsync<T>(List<T> found, Func<T, StoredSection> section, CancellationToken cancellationToken)
    {
        var damaged = found.Select(section).Where(item => !_sectionChecks.IsWhole(item)).ToDictionary(item => item.Digest);
        if (damaged.Count == 0)
        {
            return found;
        }

        foreach (string fault in await MarkSectionsAsync([.. damaged.Values], tellKnown: false, cancellationToken).ConfigureAwait(false))
        {
            _notice(fault);
        }

        return found.FindAll(item => !damaged.ContainsKey(section(item).Digest));
    }

    /// <summary>Notes sections as damaged, and says which paths need them.</summary>
    /// <param name="sections">They are not what their digests name.</param>
    /// <param name="tellKnown">Also of those that were noted before, as a check does; a reader tells each once.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    private async Task<IReadOnlyList<string>> MarkSectionsAsync(
        IReadOnlyList<StoredSection> sections, bool tellKnown, CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var section in sections)
        {
            var (paths, heads) = await WriteAsync(
                durable: true, session => MarkSectionAsync(session, section.Digest, cancellationToken), cancellationToken)
                .ConfigureAwait(false);
            Announce(heads);
            if (paths is null && tellKnown)
            {
                paths = await ReadAsync(
                    session => PathsOfDamagedAsync(session, section.Digest, cancellationToken), cancellationToken).ConfigureAwait(false);
            }

            if (paths is not null)
            {
                faults.Add($"manifest section {section.Digest} is damaged in the database: {DamageText.Paths([.. paths.Select(path => path.Path)])}");
            }
        }

        return faults;
    }

    /// <summary>No paths where the section was noted before.</summary>
    private async Task<(List<(StoreId Store, StorePath Path)>? Paths, List<(StoreId Store, EventPosition Head)> Heads)> MarkSectionAsync(
        SqlSession session, SectionDigest digest, CancellationToken cancellationToken)
    {
        var ids = await session.QueryAsync(
            new SqlText(
                """
                INSERT INTO damage (section, digest) SELECT s.id, s.digest FROM sections s WHERE s.digest = @digest
                ON CONFLICT DO NOTHING RETURNING section
                """,
                ("@digest", digest.ToArray())),
            reader => reader.GetInt64(0),
            cancellationToken).ConfigureAwait(false);
        if (ids.Count == 0)
        {
            return (null, []);
        }

        var paths = await PathsOfSectionAsync(session, ids[0], cancellationToken).ConfigureAwait(false);
        return (paths, await TellAsync(session, paths, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>None where the section was healed meanwhile.</summary>
    private static async Task<List<(StoreId Store, StorePath Path)>?> PathsOfDamagedAsync(
        SqlSession session, SectionDigest digest, CancellationToken cancellationToken)
    {
        var ids = await session.QueryAsync(
            new SqlText("SELECT section FROM damage WHERE digest = @digest", ("@digest", digest.ToArray())),
            reader => reader.GetInt64(0),
            cancellationToken).ConfigureAwait(false);
        return ids.Count == 0 ? null : await PathsOfSectionAsync(session, ids[0], cancellationToken).ConfigureAwait(false);
    }

    private static Task<List<(StoreId Store, StorePath Path)>> PathsOfSectionAsync(
        SqlSession session, long section, CancellationToken cancellationToken) => session.QueryAsync(
        new SqlText(
            """
            SELECT p.store, p.hash_part || '-' || p.name FROM manifests m JOIN paths p ON p.manifest = m.id
            WHERE @section IN (m.tree_section, m.chunks_section, m.blanks_section)
            """,
            ("@section", section)),
        reader => (new StoreId(reader.GetInt32(0)), StorePath.ParseBaseName(reader.GetString(1))),
        cancellationToken);

    private async Task CheckPlacesAsync(
        long id,
        StoredSection section,
        byte[] places,
        bool repair,
        List<string> faults,
        List<IndexedChunk> unindexed,
        CancellationToken cancellationToken)
    {
        ChunkLocation[]? remembered = null;
        try
        {
            remembered = LocationCodec.Decode(places);
        }
        catch (InvalidDataException)
        {
            // It differs from the index, then.
        }

        var (chunks, _) = await ReadAsync(session => LocateAsync(session, section, remembered, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        IndexedChunk[] missing =
        [
            .. chunks.Where(chunk => !chunk.IsIndexed).DistinctBy(chunk => chunk.Id).OrderBy(chunk => chunk.Id)
                .Select(chunk => new IndexedChunk(chunk.Id, chunk.Location)),
        ];
        if (missing.Length > 0)
        {
            unindexed.AddRange(missing);
            faults.AddRange(await NoteMissingAsync(id, missing, cancellationToken).ConfigureAwait(false));
        }

        if (remembered is not null && remembered.AsSpan().SequenceEqual(Array.ConvertAll(chunks, chunk => chunk.Location)))
        {
            return;
        }

        var paths = await ReadAsync(session => PathsOfChunksAsync(session, [id], cancellationToken), cancellationToken).ConfigureAwait(false);
        string fault = $"the remembered places of section {section.Digest} are not those of the index: "
            + DamageText.Paths([.. paths.Select(path => path.Path)]);
        if (repair)
        {
            await WriteAsync(durable: false, session => RebuildPlacesAsync(session, id, cancellationToken), cancellationToken).ConfigureAwait(false);
            fault += "; corrected";
        }

        faults.Add(fault);
    }

    /// <summary>Notes that a section needs chunks which the index has not, and says of which that was not known.</summary>
    private async Task<IReadOnlyList<string>> NoteMissingAsync(long section, IndexedChunk[] missing, CancellationToken cancellationToken)
    {
        await MarkDamagedAsync(missing, cancellationToken).ConfigureAwait(false);
        var (noted, paths, heads) = await WriteAsync(
            durable: true, session => NoteNeedsAsync(session, section, missing, cancellationToken), cancellationToken).ConfigureAwait(false);
        Announce(heads);
        string needed = DamageText.Paths([.. paths.Select(path => path.Path)]);
        return [.. noted.Select(id => $"chunk {id} is not in the index: {needed}")];
    }

    private async Task<(List<ChunkId> Noted, List<(long Section, StoreId Store, StorePath Path)> Paths, List<(StoreId Store, EventPosition Head)> Heads)>
        NoteNeedsAsync(SqlSession session, long section, IndexedChunk[] missing, CancellationToken cancellationToken)
    {
        var noted = await session.QueryRowsAsync(
            "INSERT INTO damage (section, digest) SELECT r.section, r.digest FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING digest",
            new RowSet(missing.Length)
                .Big("section", Array.ConvertAll(missing, _ => section))
                .Digest("digest", Array.ConvertAll(missing, chunk => chunk.Id.ToArray())),
            reader => ChunkId.Read(reader.GetBytes(0)),
            cancellationToken).ConfigureAwait(false);
        if (noted.Count == 0)
        {
            return ([], [], []);
        }

        var paths = await PathsOfChunksAsync(session, [section], cancellationToken).ConfigureAwait(false);
        return (noted, paths, await TellAsync(session, [.. paths.Select(path => (path.Store, path.Path))], cancellationToken).ConfigureAwait(false));
    }

    private async Task<IReadOnlyList<string>> CheckHeadersAsync(CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        await ReadAsync(
            session => session.QueryAsync(
                "SELECT m.digest, m.header FROM manifests m",
                reader =>
                {
                    var digest = ManifestDigest.Read(reader.GetBytes(0));
                    if (ManifestDigest.Compute(reader.GetBytes(1)) != digest)
                    {
                        faults.Add($"the header of manifest {digest} is damaged in the database");
                    }

                    return 0;
                },
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return faults;
    }

    /// <summary>Brings the remembered places of a section into line with the index.</summary>
    /// <returns>The chunks, null where their list is damaged itself; and whether anything was changed.</returns>
    private async Task<(LocatedChunk[]? Chunks, bool Changed)> RebuildPlacesAsync(
        SqlSession session, long section, CancellationToken cancellationToken)
    {
        var row = await session.FirstAsync(
            new SqlText(
                $"""
                SELECT s.digest, s.plain_length, s.zstd, l.places FROM locations l JOIN sections s ON s.id = l.section
                WHERE l.section = @section{_dialect.ForUpdate}
                """,
                ("@section", section)),
            reader => new SectionPlaces(
                new StoredSection(SectionDigest.Read(reader.GetBytes(0)), reader.GetInt32(1), reader.GetBytes(2)), reader.GetBytes(3)),
            cancellationToken).ConfigureAwait(false);
        if (row is null)
        {
            return (null, false);
        }

        ChunkLocation[]? remembered = null;
        try
        {
            remembered = LocationCodec.Decode(row.Places);
        }
        catch (InvalidDataException)
        {
            // It is made anew.
        }

        var (chunks, isWhole) = await LocateAsync(session, row.Section, remembered, cancellationToken).ConfigureAwait(false);
        if (!isWhole)
        {
            return (null, false);
        }

        var places = Array.ConvertAll(chunks, chunk => chunk.Location);
        if (remembered is not null && remembered.AsSpan().SequenceEqual(places))
        {
            return (chunks, false);
        }

        await WritePlacesAsync(session, section, places, packsToo: true, cancellationToken).ConfigureAwait(false);
        return (chunks, true);
    }

    /// <summary>Where the index has the chunks that a section lists; those that it has not stay where they were remembered.</summary>
    private async Task<(LocatedChunk[] Chunks, bool IsWhole)> LocateAsync(
        SqlSession session, StoredSection section, ChunkLocation[]? remembered, CancellationToken cancellationToken)
    {
        if (SectionChecks.TryDecode(section) is not { } plain)
        {
            return ([], false);
        }

        var list = ChunkList.Parse(plain);
        ChunkId[] ids = [.. Enumerable.Range(0, list.Count).Select(list.Id).Distinct().Order()];
        var places = new Dictionary<ChunkId, ChunkLocation>(ids.Length);
        await session.QueryRowsAsync(
            $"SELECT {ChunkColumns}, r.ord FROM {{rows}} {ChunksByDigest}",
            DigestRows(ids),
            reader => places[ids[reader.GetInt64(6)]] = ReadLocation(reader),
            cancellationToken).ConfigureAwait(false);
        var chunks = new LocatedChunk[list.Count];
        for (int i = 0; i < chunks.Length; i++)
        {
            var id = list.Id(i);
            bool isIndexed = places.TryGetValue(id, out var place);
            chunks[i] = new LocatedChunk(
                id,
                isIndexed ? place
                    : remembered?.Length == chunks.Length ? remembered[i]
                    : new ChunkLocation(default, 0, 0, list.Length(i), ChunkEncoding.Plain),
                isIndexed);
        }

        return (chunks, true);
    }

    private static async Task WritePlacesAsync(
        SqlSession session, long section, ChunkLocation[] places, bool packsToo, CancellationToken cancellationToken)
    {
        await session.ExecuteAsync(
            new SqlText(
                "UPDATE locations SET places = @places WHERE section = @section",
                ("@places", LocationCodec.Encode(places)),
                ("@section", section)),
            cancellationToken).ConfigureAwait(false);
        if (!packsToo)
        {
            return;
        }

        await session.ExecuteAsync(
            new SqlText("DELETE FROM section_packs WHERE section = @section", ("@section", section)), cancellationToken).ConfigureAwait(false);
        foreach (var pack in places.Distinct().Where(place => place.Pack.Value != 0).GroupBy(place => place.Pack.Value).OrderBy(pack => pack.Key))
        {
            await session.ExecuteAsync(
                new SqlText(
                    "INSERT INTO section_packs (section, pack, bytes) VALUES (@section, @pack, @bytes)",
                    ("@section", section),
                    ("@pack", pack.Key),
                    ("@bytes", pack.Sum(place => (long)place.StoredLength))),
                cancellationToken).ConfigureAwait(false);
        }
    }

    private sealed record SectionNumber(long? Value);

    private sealed record SectionPlaces(StoredSection Section, byte[] Places);
}
