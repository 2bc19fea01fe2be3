using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Sessions and their temporary roots.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>A session is cleared away so long after its end, when no call can still be in the midst of using it.</summary>
    private const long SessionGraceMilliseconds = 60_000;

    /// <inheritdoc/>
    public Task<SessionId> OpenSessionAsync(
        StoreId store, string owner, string host, TimeSpan lease, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session =>
        {
            await ClearSessionsAsync(session, store, cancellationToken).ConfigureAwait(false);
            object? number = await session.ScalarAsync(
                new SqlText(
                    $"""
                    INSERT INTO sessions (store, owner, host, lease_until, created)
                    VALUES (@store, @owner, @host, {_dialect.NowMilliseconds} + @lease, @now) RETURNING id
                    """,
                    ("@store", store.Value),
                    ("@owner", owner),
                    ("@host", host),
                    ("@lease", (long)lease.TotalMilliseconds),
                    ("@now", NowSeconds())),
                cancellationToken).ConfigureAwait(false);
            return new SessionId(store, owner, number.ToInt64());
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> RenewSessionAsync(SessionId session, TimeSpan lease, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async sql => await sql.ExecuteAsync(
            new SqlText(
                $"UPDATE sessions SET lease_until = {_dialect.NowMilliseconds} + @lease WHERE {IsAlive}",
                [("@lease", (long)lease.TotalMilliseconds), .. Named(session)]),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> AddTemporaryRootsAsync(
        SessionId session, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async sql =>
        {
            bool alive = false;
            string[] names = [.. paths.Distinct().Order().Select(path => path.BaseName)];
            var batch = new SqlBatch();
            batch.Query(new SqlText($"SELECT id FROM sessions WHERE {IsAlive}{_dialect.ForUpdate}", Named(session)), _ => alive = true);
            batch.ExecuteRows(
                new SqlText(
                    $$"""
                    INSERT INTO session_roots (session, base_name) SELECT s.id, r.name FROM {rows}
                    {{_dialect.JoinByIndex("sessions", "s", IsAlive)}} WHERE 1 = 1 ON CONFLICT DO NOTHING
                    """,
                    Named(session)),
                new RowSet(names.Length).Text("name", names));
            await sql.RunLastAsync(batch, cancellationToken).ConfigureAwait(false);
            return alive;
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task RemoveTemporaryRootsAsync(
        SessionId session, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken) => WriteAsync(
        durable: false,
        sql =>
        {
            string[] names = [.. paths.Distinct().Order().Select(path => path.BaseName)];
            return sql.ExecuteRowsAsync(
                new SqlText(
                    $$"""
                    DELETE FROM session_roots WHERE session IN (SELECT id FROM sessions WHERE {{IsNamed}})
                      AND base_name IN (SELECT r.name FROM {rows})
                    """,
                    Named(session)),
                new RowSet(names.Length).Text("name", names),
                cancellationToken);
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task CloseSessionAsync(SessionId session, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async sql =>
        {
            // The row first, locked: a call that adds roots at this moment is waited for, and afterwards finds no session.
            object? found = await sql.ScalarAsync(
                new SqlText($"SELECT id FROM sessions WHERE {IsNamed}{_dialect.ForUpdate}", Named(session)), cancellationToken)
                .ConfigureAwait(false);
            if (found is null)
            {
                return false;
            }

            await sql.ExecuteAsync(
                new SqlText("DELETE FROM session_roots WHERE session = @session", ("@session", session.Number)), cancellationToken)
                .ConfigureAwait(false);
            await sql.ExecuteAsync(
                new SqlText("DELETE FROM sessions WHERE id = @session", ("@session", session.Number)), cancellationToken)
                .ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    private const string IsNamed = "id = @session AND store = @store AND owner = @owner";

    private string IsAlive => $"{IsNamed} AND lease_until > {_dialect.NowMilliseconds}";

    private static (string Name, object? Value)[] Named(SessionId session) =>
        [("@session", session.Number), ("@store", session.Store.Value), ("@owner", session.Owner)];

    private Task<List<RootRecord>> ListTemporaryRootsAsync(SqlSession session, StoreId store, CancellationToken cancellationToken) =>
        session.QueryAsync(
            new SqlText(
                $"""
                SELECT s.host, s.id, t.base_name, s.created, s.lease_until FROM sessions s JOIN session_roots t ON t.session = s.id
                WHERE s.store = @store AND s.lease_until > {_dialect.NowMilliseconds} ORDER BY s.id, t.base_name
                """,
                ("@store", store.Value)),
            reader => new RootRecord(
                RootKind.Temporary,
                reader.GetString(0),
                $"{{temp:{reader.GetInt64(1)}}}",
                StorePath.ParseBaseName(reader.GetString(2)),
                reader.GetInt64(3),
                reader.GetInt64(4) / 1000),
            cancellationToken);

    private async Task ClearSessionsAsync(SqlSession session, StoreId store, CancellationToken cancellationToken)
    {
        var ended = new SqlText(
            $"""
            SELECT id FROM sessions WHERE store = @store AND lease_until < {_dialect.NowMilliseconds} - {SessionGraceMilliseconds}
            ORDER BY id{_dialect.ForUpdate}
            """,
            ("@store", store.Value));
        long[] ids = [.. await session.QueryAsync(ended, reader => reader.GetInt64(0), cancellationToken).ConfigureAwait(false)];
        foreach (string statement in new[] { "session_roots WHERE session", "sessions WHERE id" })
        {
            await session.ExecuteRowsAsync(
                $"DELETE FROM {statement} IN (SELECT r.id FROM {{rows}})", new RowSet(ids.Length).Big("id", ids), cancellationToken)
                .ConfigureAwait(false);
        }
    }
}
