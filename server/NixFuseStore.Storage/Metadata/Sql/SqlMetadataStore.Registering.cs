using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Registration: deciding what may become valid. What is written then stands in the next part.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task<IReadOnlyList<RegistrationResult>> RegisterPathsAsync(
        StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return paths.Count == 0
            ? Task.FromResult<IReadOnlyList<RegistrationResult>>([])
            : _registrations.RegisterAsync(store, scope, paths, cancellationToken);
    }

    private async Task<IReadOnlyList<RegistrationResult>> RegisterTogetherAsync(
        StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths)
    {
        var (results, head) = await WriteAsync(
            durable: true, session => RegisterAsync(session, store, scope, paths, CancellationToken.None), CancellationToken.None)
            .ConfigureAwait(false);
        _signal.Advance(store, head);
        return results;
    }

    private async Task<(IReadOnlyList<RegistrationResult> Results, ulong Head)> RegisterAsync(
        SqlSession session, StoreId store, ChunkScope scope, IReadOnlyList<PathRegistration> paths, CancellationToken cancellationToken)
    {
        // 1. From here on no sweep runs, and nobody else registers or removes in this store.
        await _dialect.LockSweepAsync(session, exclusive: false, cancellationToken).ConfigureAwait(false);
        ulong head = await LockStoreAsync(session, store, cancellationToken).ConfigureAwait(false);

        // 2. What is valid already, of the paths themselves and of their references.
        Candidate[] candidates = [.. paths.Select(path => new Candidate(path))];
        var valid = await FindValidAsync(session, store, candidates, cancellationToken).ConfigureAwait(false);
        DecideValid(candidates, valid);

        // 3. Whether the chunks of the new ones are (still) there.
        var chunks = await FindChunksAsync(session, scope, candidates, cancellationToken).ConfigureAwait(false);
        DecideChunks(candidates, chunks);

        // 4. Whether references are valid or come along.
        DecideReferences(candidates, valid);

        // 5. The rest becomes valid.
        Candidate[] accepted = [.. candidates.Where(candidate => candidate is { Outcome: null, SameAs: null })];
        if (accepted.Length > 0)
        {
            head = await WriteAsync(session, store, accepted, valid, chunks, head, cancellationToken).ConfigureAwait(false);
        }

        // 6. Who came second is told what the first registered.
        await ReadWinnersAsync(session, store, candidates, valid, cancellationToken).ConfigureAwait(false);
        return (Array.ConvertAll(candidates, candidate => candidate.ToResult()), head);
    }

    private async Task<Dictionary<string, ValidPath>> FindValidAsync(
        SqlSession session, StoreId store, Candidate[] candidates, CancellationToken cancellationToken)
    {
        string[] hashParts =
        [
            .. candidates.Select(candidate => candidate.HashPart)
                .Concat(candidates.SelectMany(candidate => candidate.References.Select(reference => reference.HashPart)))
                .Distinct(),
        ];
        var rows = await session.QueryRowsAsync(
            new SqlText(
                $"SELECT p.id, p.hash_part, p.name, p.nar_hash FROM {{rows}} {PathsByHashPart}",
                ("@store", store.Value)),
            new RowSet(hashParts.Length).Text("hash_part", hashParts),
            reader => (HashPart: reader.GetString(1), Path: new ValidPath(reader.GetInt64(0), reader.GetString(2), reader.GetBytes(3))),
            cancellationToken).ConfigureAwait(false);
        return rows.ToDictionary(row => row.HashPart, row => row.Path);
    }

    private static void DecideValid(Candidate[] candidates, Dictionary<string, ValidPath> valid)
    {
        var first = new Dictionary<string, Candidate>();
        foreach (var candidate in candidates)
        {
            if (valid.TryGetValue(candidate.HashPart, out var path))
            {
                candidate.Outcome = path.Name == candidate.Path.Path.Name && path.NarHash.AsSpan().SequenceEqual(candidate.Path.NarHash)
                    ? RegistrationOutcome.AlreadyValid
                    : RegistrationOutcome.Conflict;
                candidate.RowId = path.Id;
            }
            else if (!first.TryAdd(candidate.HashPart, candidate))
            {
                candidate.SameAs = first[candidate.HashPart];
            }
        }
    }

    private async Task<Dictionary<ChunkId, FoundChunk>> FindChunksAsync(
        SqlSession session, ChunkScope scope, Candidate[] candidates, CancellationToken cancellationToken)
    {
        ChunkId[] ids =
        [
            .. candidates.Where(candidate => candidate is { Outcome: null, SameAs: null })
                .SelectMany(candidate => candidate.Path.ChunkIds)
                .Distinct()
                .Order(),
        ];
        var found = new Dictionary<ChunkId, FoundChunk>(ids.Length);
        await session.QueryRowsAsync(
            $"SELECT {ChunkColumns}, c.store, r.ord FROM {{rows}} {ChunksByDigest} WHERE {InScope(scope)}",
            DigestRows(ids),
            reader => found[ids[reader.GetInt64(6)]] = new FoundChunk(ReadLocation(reader), new StoreId(reader.GetInt32(5))),
            cancellationToken).ConfigureAwait(false);
        return found;
    }

    private static void DecideChunks(Candidate[] candidates, Dictionary<ChunkId, FoundChunk> chunks)
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

    /// <summary>A path whose reference is refused is refused too, and so on, until nothing changes.</summary>
    private static void DecideReferences(Candidate[] candidates, Dictionary<string, ValidPath> valid)
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

    private async Task ReadWinnersAsync(
        SqlSession session,
        StoreId store,
        Candidate[] candidates,
        Dictionary<string, ValidPath> valid,
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
        Candidate[] second = [.. candidates.Where(candidate => candidate.Stored is null && valid.ContainsKey(candidate.HashPart))];
        if (second.Length == 0)
        {
            return;
        }

        var stored = await ReadStoredAsync(session, store, second, cancellationToken).ConfigureAwait(false);

        // 3. A Nix signature covers hash, size and references, so those of an equal path are good for the registered one too.
        Candidate[] signed =
        [
            .. second.Where(candidate => candidate.Outcome == RegistrationOutcome.AlreadyValid
                && candidate.Path.Signatures.Except(stored[candidate.HashPart].Signatures).Any()
                && candidate.References.SequenceEqual(stored[candidate.HashPart].References)),
        ];
        if (signed.Length > 0)
        {
            await InsertSignaturesAsync(
                session,
                [.. signed.SelectMany(candidate => candidate.Path.Signatures.Select(text => (candidate.RowId, NixSignature, text)))],
                cancellationToken).ConfigureAwait(false);
            stored = await ReadStoredAsync(session, store, second, cancellationToken).ConfigureAwait(false);
        }

        foreach (var candidate in second)
        {
            candidate.Stored = stored[candidate.HashPart];
        }
    }

    private async Task<Dictionary<string, StoredPath>> ReadStoredAsync(
        SqlSession session, StoreId store, Candidate[] candidates, CancellationToken cancellationToken)
    {
        var rows = await QueryPathsAsync(session, store, Array.ConvertAll(candidates, candidate => candidate.HashPart), cancellationToken)
            .ConfigureAwait(false);
        return rows.ToDictionary(row => row.Path.HashPart);
    }

    private readonly record struct ValidPath(long Id, string Name, byte[] NarHash);

    private readonly record struct FoundChunk(ChunkLocation Location, StoreId Store);
}
