using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Removing paths, and adding signatures to those that are valid.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public async Task<RevocationResult> RevokePathsAsync(
        StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        var (result, head) = await WriteAsync(
            durable: true, session => RevokeAsync(session, store, paths, cancellationToken), cancellationToken).ConfigureAwait(false);
        Advance(store, head);
        return result;
    }

    /// <inheritdoc/>
    public async Task<SignaturesResult> AddSignaturesAsync(
        StoreId store, IReadOnlyCollection<PathSignatures> signatures, CancellationToken cancellationToken)
    {
        var (result, head) = await WriteAsync(
            durable: true, session => AddSignaturesAsync(session, store, signatures, cancellationToken), cancellationToken).ConfigureAwait(false);
        Advance(store, head);
        return result;
    }

    private async Task<(SignaturesResult Result, EventPosition? Head)> AddSignaturesAsync(
        SqlSession session, StoreId store, IReadOnlyCollection<PathSignatures> signatures, CancellationToken cancellationToken)
    {
        ulong head = await LockStoreAsync(session, store, cancellationToken).ConfigureAwait(false);
        StorePath[] paths = [.. signatures.Select(item => item.Path).Distinct()];
        var rows = await FindRowsAsync(session, store, paths, cancellationToken).ConfigureAwait(false);
        var valid = rows.Select(row => row.Path).ToHashSet();
        var known = await FindSignaturesAsync(session, rows, cancellationToken).ConfigureAwait(false);
        var wanted = signatures.Where(item => valid.Contains(item.Path)).SelectMany(item => item.Signatures.Select(text => (item.Path, text)));
        var (fitting, full) = FitSignatures(wanted, known);
        int added = await InsertSignaturesAsync(
            session,
            store,
            [
                .. fitting.Select(item => (item.Path.HashPart, NixSignature, item.Text)),
                .. signatures.Where(item => valid.Contains(item.Path))
                    .SelectMany(item => item.StoreSignatures.Select(text => (item.Path.HashPart, StoreSignature, text))),
            ],
            cancellationToken).ConfigureAwait(false);
        EventPosition? newHead = null;
        if (added > 0)
        {
            newHead = await AppendEventsAsync(session, store, head, StoreEventKind.SignaturesAdded, [.. valid.Order()], cancellationToken).ConfigureAwait(false);
        }

        return (new SignaturesResult(Array.FindAll(paths, path => !valid.Contains(path)), full), newHead);
    }

    private static async Task<Dictionary<StorePath, HashSet<string>>> FindSignaturesAsync(
        SqlSession session, List<(long Id, StorePath Path)> rows, CancellationToken cancellationToken)
    {
        var known = rows.ToDictionary(row => row.Path, _ => new HashSet<string>(StringComparer.Ordinal));
        long[] ids = [.. rows.Select(row => row.Id)];
        var byId = rows.ToDictionary(row => row.Id, row => row.Path);
        await session.QueryRowsAsync(
            new SqlText("SELECT s.path, s.signature FROM {rows} JOIN signatures s ON s.path = r.id AND s.kind = @kind", ("@kind", NixSignature)),
            new RowSet(ids.Length).Big("id", ids),
            reader => known[byId[reader.GetInt64(0)]].Add(reader.GetString(1)),
            cancellationToken).ConfigureAwait(false);
        return known;
    }

    /// <summary>Those of the signatures that are new and have room beside those known, which they are added to; and the paths that lack room.</summary>
    private static (List<(StorePath Path, string Text)> Fitting, HashSet<StorePath> Full) FitSignatures(
        IEnumerable<(StorePath Path, string Text)> wanted, Dictionary<StorePath, HashSet<string>> known)
    {
        var fitting = new List<(StorePath Path, string Text)>();
        var full = new HashSet<StorePath>();
        foreach (var (path, text) in wanted)
        {
            var present = known[path];
            if (present.Contains(text))
            {
                continue;
            }

            if (present.Count >= PathSignatures.CountMax)
            {
                full.Add(path);
                continue;
            }

            present.Add(text);
            fitting.Add((path, text));
        }

        return (fitting, full);
    }

    private async Task<(RevocationResult Result, EventPosition? Head)> RevokeAsync(
        SqlSession session, StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        // 1. No referrer is registered meanwhile.
        ulong head = await LockStoreAsync(session, store, cancellationToken).ConfigureAwait(false);
        var rows = await FindRowsAsync(session, store, paths, cancellationToken).ConfigureAwait(false);
        long[] ids = [.. rows.Select(row => row.Id)];

        // 2. Referrers must go along.
        var referrers = await session.QueryRowsAsync(
            """
            SELECT q.hash_part || '-' || q.name FROM {rows}
            JOIN path_references f ON f.reference = r.id JOIN paths q ON q.id = f.referrer
            """,
            new RowSet(ids.Length).Big("id", ids),
            reader => StorePath.ParseBaseName(reader.GetString(0)),
            cancellationToken).ConfigureAwait(false);
        StorePath[] others = [.. referrers.Except(rows.Select(row => row.Path)).Order()];
        if (others.Length > 0 || ids.Length == 0)
        {
            return (new RevocationResult([], others), null);
        }

        // 3. What hangs on the paths, then the paths. Manifests and chunks stay until a collection finds them unused.
        string[] statements =
        [
            "DELETE FROM nar_files WHERE path IN (SELECT r.id FROM {rows})",
            "DELETE FROM derivation_outputs WHERE path IN (SELECT r.id FROM {rows})",
            "DELETE FROM signatures WHERE path IN (SELECT r.id FROM {rows})",
            "DELETE FROM path_references WHERE referrer IN (SELECT r.id FROM {rows})",
            "DELETE FROM paths WHERE id IN (SELECT r.id FROM {rows})",
        ];
        foreach (string statement in statements)
        {
            await session.ExecuteRowsAsync(statement, new RowSet(ids.Length).Big("id", ids), cancellationToken).ConfigureAwait(false);
        }

        // 4. The news.
        StorePath[] revoked = [.. rows.Select(row => row.Path).Order()];
        var newHead = await AppendEventsAsync(session, store, head, StoreEventKind.Removed, revoked, cancellationToken).ConfigureAwait(false);
        return (new RevocationResult(revoked, []), newHead);
    }

    private async Task<List<(long Id, StorePath Path)>> FindRowsAsync(
        SqlSession session, StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        string[] hashParts = [.. paths.Select(path => path.HashPart).Distinct()];
        var rows = await session.QueryRowsAsync(
            new SqlText(
                $"SELECT p.id, p.hash_part || '-' || p.name FROM {{rows}} {PathsByHashPart}", ("@store", store.Value)),
            new RowSet(hashParts.Length).Text("hash_part", hashParts),
            reader => (Id: reader.GetInt64(0), Path: StorePath.ParseBaseName(reader.GetString(1))),
            cancellationToken).ConfigureAwait(false);
        var named = paths.ToHashSet();
        return rows.FindAll(row => named.Contains(row.Path));
    }
}
