using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Registration: deciding what may become valid. What is written then stands in the next part.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task<IReadOnlyList<RegistrationResult>> RegisterPathsAsync(
        StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths, BuildEnd? ending, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(scope);
        cancellationToken.ThrowIfCancellationRequested();

        // Once it has begun it is carried through: who gives up waiting may have registered all the same.
        return paths.Count == 0 && ending is null
            ? Task.FromResult<IReadOnlyList<RegistrationResult>>([])
            : RegisterInOneTransactionAsync(store, scope, paths, ending).WaitAsync(cancellationToken);
    }

    private async Task<IReadOnlyList<RegistrationResult>> RegisterInOneTransactionAsync(
        StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths, BuildEnd? ending)
    {
        var (results, head) = await WriteAsync(
            durable: true, session => RegisterAsync(session, store, scope, paths, ending, CancellationToken.None), CancellationToken.None)
            .ConfigureAwait(false);
        Advance(store, head);
        return results;
    }

    private void Advance(StoreId store, EventPosition? head)
    {
        if (head is { } known)
        {
            _signal.Advance(store, known);
        }
    }

    private async Task<(IReadOnlyList<RegistrationResult> Results, EventPosition? Head)> RegisterAsync(
        SqlSession session, StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths, BuildEnd? ending, CancellationToken cancellationToken)
    {
        // 1. From here on no sweep runs, and no other call registers or removes in this store; and what is there already.
        PathRow[] candidates = [.. paths.Select(path => new PathRow(path))];
        var present = await FindPresentAsync(session, store, scope, candidates, cancellationToken).ConfigureAwait(false);

        // 2. Whether paths are valid, whether their chunks are (still) there, and whether their references are valid or come along.
        DecideValid(candidates, present);
        DecideChunks(candidates, present.Chunks);
        DecideReferences(candidates, present.Paths);
        bool endsBuild = ending is not null && !HoldBack(candidates);
        if (endsBuild && !await EndBuildAsync(session, store, ending!, cancellationToken).ConfigureAwait(false))
        {
            throw new BuildLostException(ending!.Number);
        }

        // 3. The rest becomes valid.
        EventPosition? head = null;
        var batch = new SqlBatch();
        PathRow[] accepted = [.. candidates.Where(candidate => candidate is { Outcome: null, SameAs: null })];
        if (accepted.Length > 0)
        {
            head = AddAll(batch, store, accepted, present);
        }

        // 4. What was damaged of manifests is replaced by what came along, and who came second is told what the first registered.
        if (accepted.Length == candidates.Length && present.DamagedSections.Count == 0)
        {
            await session.RunLastAsync(batch, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
            head = await HealManifestsAsync(session, store, candidates, present, cancellationToken).ConfigureAwait(false) ?? head;
            ulong number = head?.Number ?? present.Head;
            head = await ReadWinnersAsync(session, store, candidates, present.Paths, number, cancellationToken).ConfigureAwait(false) ?? head;
        }

        return (Array.ConvertAll(candidates, candidate => candidate.ToResult()), head);
    }

    /// <summary>Takes the locks, and asks for all that decisions depend on, in one round trip.</summary>
    private async Task<Present> FindPresentAsync(
        SqlSession session, StoreId store, ChunkScope scope, PathRow[] candidates, CancellationToken cancellationToken)
    {
        var present = new Present();
        var batch = new SqlBatch();
        ulong? locked = null;
        AddLocks(batch, store, head => locked = head);
        string[] hashParts =
        [
            .. candidates.Select(candidate => candidate.HashPart)
                .Concat(candidates.SelectMany(candidate => candidate.References.Select(reference => reference.HashPart)))
                .Distinct(),
        ];
        batch.QueryRows(
            new SqlText($"SELECT p.hash_part, p.name, p.nar_hash FROM {{rows}} {PathsByHashPart}", ("@store", store.Value)),
            new RowSet(hashParts.Length).Text("hash_part", hashParts),
            reader => present.Paths.Add(reader.GetString(0), new ValidPath(reader.GetString(1), reader.GetBytes(2))));
        ChunkId[] ids = [.. candidates.SelectMany(candidate => candidate.Path.ChunkIds).Distinct().Order()];
        batch.QueryRows(
            $"SELECT {ChunkColumns}, c.store, r.ord FROM {{rows}} {ChunksByDigest} WHERE {InScope(scope)}",
            DigestRows(ids),
            reader => present.Chunks[ids[reader.GetInt64(7)]] = new FoundChunk(ReadLocation(reader), new StoreId(reader.GetInt32(6))));
        SectionDigest[] sections = [.. candidates.SelectMany(candidate => SectionsOf(candidate.Path.Manifest)).Distinct()];
        batch.QueryRows(
            $$"""
            SELECT r.ord, (SELECT count(*) FROM locations l WHERE l.section = s.id),
              (SELECT count(*) FROM damage d WHERE d.section = s.id AND d.digest = s.digest)
            FROM {rows} {{_dialect.JoinByIndex("sections", "s", "s.digest = r.digest")}}
            """,
            new RowSet(sections.Length).Digest("digest", Array.ConvertAll(sections, digest => digest.ToArray())),
            reader =>
            {
                var digest = sections[reader.GetInt64(0)];
                present.Sections.Add(digest, reader.GetInt64(1) > 0);
                if (reader.GetInt64(2) > 0)
                {
                    present.DamagedSections.Add(digest);
                }
            });
        AddRemovals(batch, store, candidates, present);
        await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
        present.Head = locked ?? throw NoStore(store);
        return present;
    }

    // Removals that the database has forgotten count as none: what was acknowledged is not given up for lack of knowledge.
    private static void AddRemovals(SqlBatch batch, StoreId store, PathRow[] candidates, Present present)
    {
        var conditional = candidates.Where(candidate => candidate.Path.UnlessRemovedAfter is not null)
            .ToLookup(candidate => candidate.Path.Path.BaseName, candidate => candidate.Path.UnlessRemovedAfter!.Value, StringComparer.Ordinal);
        if (conditional.Count == 0)
        {
            return;
        }

        batch.Query(
            new SqlText(
                "SELECT number, base_name FROM events WHERE store = @store AND number > @after AND kind = @kind ORDER BY number",
                ("@store", store.Value),
                ("@after", (long)Math.Min(conditional.Min(static events => events.Min()), long.MaxValue)),
                ("@kind", (int)StoreEventKind.Removed)),
            reader =>
            {
                if (reader.GetString(1) is var name && conditional.Contains(name))
                {
                    present.Removals[name] = (ulong)reader.GetInt64(0);
                }
            });
    }

    /// <summary>The sections that a manifest names.</summary>
    private static IEnumerable<SectionDigest> SectionsOf(ManifestHeader manifest) =>
        Enum.GetValues<ManifestSection>().Where(section => manifest.GetLength(section) > 0).Select(manifest.GetDigest);

    private static void DecideValid(PathRow[] candidates, Present present)
    {
        var first = new Dictionary<string, PathRow>();
        foreach (var candidate in candidates)
        {
            if (present.Paths.TryGetValue(candidate.HashPart, out var path))
            {
                candidate.Outcome = path.Name == candidate.Path.Path.Name && path.NarHash.AsSpan().SequenceEqual(candidate.Path.NarHash)
                    ? RegistrationOutcome.AlreadyValid
                    : RegistrationOutcome.Conflict;
            }
            else if (present.Removals.TryGetValue(candidate.Path.Path.BaseName, out var removal) && removal > candidate.Path.UnlessRemovedAfter)
            {
                candidate.Outcome = RegistrationOutcome.Removed;
            }
            else if (!first.TryAdd(candidate.HashPart, candidate))
            {
                candidate.SameAs = first[candidate.HashPart];
            }
        }
    }

    private static void DecideChunks(PathRow[] candidates, Dictionary<ChunkId, FoundChunk> chunks)
    {
        foreach (var candidate in candidates.Where(candidate => candidate is { Outcome: null, SameAs: null }))
        {
            candidate.MissingChunks.AddRange(candidate.Path.ChunkIds.Distinct().Where(id => !chunks.ContainsKey(id)));
            if (candidate.MissingChunks.Count > 0)
            {
                candidate.Outcome = RegistrationOutcome.MissingChunks;
            }
        }
    }

    /// <summary>Of a build's outputs none becomes valid where one cannot; says whether that is so.</summary>
    private static bool HoldBack(PathRow[] candidates)
    {
        bool fails = candidates.Any(candidate => candidate.Outcome is { } outcome and not (RegistrationOutcome.AlreadyValid or RegistrationOutcome.Conflict));
        foreach (var candidate in candidates.Where(candidate => fails && candidate is { Outcome: null, SameAs: null }))
        {
            candidate.Outcome = RegistrationOutcome.HeldBack;
        }

        return fails;
    }

    /// <summary>A path whose reference is refused is refused too, and so on, until nothing changes.</summary>
    private static void DecideReferences(PathRow[] candidates, Dictionary<string, ValidPath> valid)
    {
        var coming = candidates.Where(candidate => candidate is { Outcome: null, SameAs: null })
            .ToDictionary(candidate => candidate.Path.Path);
        bool changed;
        do
        {
            changed = false;
            foreach (var candidate in coming.Values.ToArray())
            {
                candidate.MissingReferences.AddRange(candidate.References.Where(reference =>
                    !coming.ContainsKey(reference)
                    && !(valid.TryGetValue(reference.HashPart, out var path) && path.Name == reference.Name)));
                if (candidate.MissingReferences.Count > 0)
                {
                    candidate.Outcome = RegistrationOutcome.MissingReferences;
                    coming.Remove(candidate.Path.Path);
                    changed = true;
                }
            }
        }
        while (changed);
    }

    /// <summary>
    /// Replaces damaged headers and sections by those that came along, which the caller has compared with their digests. Returns the new head
    /// where there is one.
    /// </summary>
    private async Task<EventPosition?> HealManifestsAsync(
        SqlSession session, StoreId store, PathRow[] candidates, Present present, CancellationToken cancellationToken)
    {
        // 1. Headers of paths that are valid already; registering again is how they come once more.
        var headers = candidates.Where(candidate => candidate.Outcome == RegistrationOutcome.AlreadyValid)
            .Select(candidate => candidate.Path.Manifest).DistinctBy(header => header.Digest).OrderBy(header => header.Digest).ToArray();
        int healed = await session.ExecuteRowsAsync(
            "UPDATE manifests SET header = r.header FROM {rows} WHERE manifests.digest = r.digest AND manifests.header <> r.header",
            new RowSet(headers.Length)
                .Digest("digest", Array.ConvertAll(headers, header => header.Digest.ToArray()))
                .Bytes("header", Array.ConvertAll(headers, header => header.ToBytes())),
            cancellationToken).ConfigureAwait(false);

        // 2. Sections.
        var sections = candidates.SelectMany(candidate => candidate.Path.Sections).Where(section => present.DamagedSections.Contains(section.Digest))
            .DistinctBy(section => section.Digest).OrderBy(section => section.Digest).ToArray();
        var concerned = new List<(StoreId Store, StorePath Path)>();
        foreach (var section in sections)
        {
            await session.ExecuteAsync(
                new SqlText(
                    "UPDATE sections SET plain_length = @length, zstd = @zstd WHERE digest = @digest",
                    ("@length", section.PlainLength),
                    ("@zstd", section.Zstd.ToArray()),
                    ("@digest", section.Digest.ToArray())),
                cancellationToken).ConfigureAwait(false);
            await session.ExecuteAsync(
                new SqlText("DELETE FROM damage WHERE digest = @digest", ("@digest", section.Digest.ToArray())), cancellationToken)
                .ConfigureAwait(false);
            var id = await session.ScalarAsync(
                new SqlText("SELECT id FROM sections WHERE digest = @digest", ("@digest", section.Digest.ToArray())), cancellationToken)
                .ConfigureAwait(false);
            concerned.AddRange(await PathsOfSectionAsync(session, id.ToInt64(), cancellationToken).ConfigureAwait(false));
        }

        if (healed == 0 && sections.Length == 0)
        {
            return null;
        }

        concerned.AddRange(candidates.Where(candidate => candidate.Outcome == RegistrationOutcome.AlreadyValid)
            .Select(candidate => (store, candidate.Path.Path)));
        var heads = await TellAsync(session, concerned, cancellationToken).ConfigureAwait(false);
        int own = heads.FindIndex(told => told.Store == store);
        return own < 0 ? null : heads[own].Head;
    }

    /// <summary>Returns the new head where there is one: signatures that come along are news, too.</summary>
    private async Task<EventPosition?> ReadWinnersAsync(
        SqlSession session,
        StoreId store,
        PathRow[] candidates,
        Dictionary<string, ValidPath> valid,
        ulong head,
        CancellationToken cancellationToken)
    {
        // 1. Second ones of this very registration follow the first.
        foreach (var candidate in candidates.Where(candidate => candidate.SameAs is not null))
        {
            var first = candidate.SameAs!;
            candidate.Stored = first.Stored;
            candidate.MissingChunks.AddRange(first.MissingChunks);
            candidate.MissingReferences.AddRange(first.MissingReferences);
            candidate.Outcome = first.Outcome != RegistrationOutcome.Registered
                ? first.Outcome
                : first.Path.Path == candidate.Path.Path && first.Path.NarHash.AsSpan().SequenceEqual(candidate.Path.NarHash)
                    ? RegistrationOutcome.AlreadyValid
                    : RegistrationOutcome.Conflict;
        }

        // 2. The others get the row.
        PathRow[] second = [.. candidates.Where(candidate => candidate.Stored is null && valid.ContainsKey(candidate.HashPart))];
        EventPosition? newHead = null;
        if (second.Length == 0)
        {
            return newHead;
        }

        var stored = await ReadStoredAsync(session, store, second, cancellationToken).ConfigureAwait(false);

        // 3. A Nix signature covers hash, size and references, so those of an equal path are good for the registered one too.
        PathRow[] signed =
        [
            .. second.Where(candidate => candidate.Outcome == RegistrationOutcome.AlreadyValid
                && candidate.Path.Signatures.Except(stored[candidate.HashPart].Signatures).Any()
                && candidate.References.SequenceEqual(stored[candidate.HashPart].References)),
        ];
        var known = signed.Select(candidate => candidate.Path.Path).Distinct()
            .ToDictionary(path => path, path => stored[path.HashPart].Signatures.ToHashSet(StringComparer.Ordinal));
        var (fitting, _) = FitSignatures(signed.SelectMany(candidate => candidate.Path.Signatures.Select(text => (candidate.Path.Path, text))), known);
        if (fitting.Count > 0)
        {
            await InsertSignaturesAsync(
                session, store, [.. fitting.Select(item => (item.Path.HashPart, NixSignature, item.Text))], cancellationToken).ConfigureAwait(false);
            StorePath[] paths = [.. fitting.Select(item => item.Path).Distinct().Order()];
            newHead = await AppendEventsAsync(session, store, head, StoreEventKind.SignaturesAdded, paths, cancellationToken).ConfigureAwait(false);
            stored = await ReadStoredAsync(session, store, second, cancellationToken).ConfigureAwait(false);
        }

        foreach (var candidate in second)
        {
            candidate.Stored = stored[candidate.HashPart];
        }

        return newHead;
    }

    private async Task<Dictionary<string, StoredPath>> ReadStoredAsync(
        SqlSession session, StoreId store, PathRow[] candidates, CancellationToken cancellationToken)
    {
        var rows = await QueryPathsAsync(session, store, Array.ConvertAll(candidates, candidate => candidate.HashPart), cancellationToken)
            .ConfigureAwait(false);
        return rows.ToDictionary(row => row.Path.HashPart);
    }

    private readonly record struct ValidPath(string Name, byte[] NarHash);

    private readonly record struct FoundChunk(ChunkLocation Location, StoreId Store);

    /// <summary>What was there when the locks were taken.</summary>
    private sealed class Present
    {
        /// <summary>The store's last event.</summary>
        public ulong Head { get; set; }

        /// <summary>Of the paths themselves and of their references those that are valid, by hash part.</summary>
        public Dictionary<string, ValidPath> Paths { get; } = [];

        /// <summary>Numbers of the last removals of paths that are to be registered only if they were not removed, by base name.</summary>
        public Dictionary<string, ulong> Removals { get; } = new(StringComparer.Ordinal);

        /// <summary>Chunks that the caller may read.</summary>
        public Dictionary<ChunkId, FoundChunk> Chunks { get; } = [];

        /// <summary>Those of the sections whose stored bytes are damaged.</summary>
        public HashSet<SectionDigest> DamagedSections { get; } = [];

        /// <summary>Sections, and whether the places of the chunks that they list are known.</summary>
        public Dictionary<SectionDigest, bool> Sections { get; } = [];
    }
}
