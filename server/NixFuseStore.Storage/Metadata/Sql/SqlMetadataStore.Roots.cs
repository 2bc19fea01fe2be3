using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Roots and sessions.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task<bool> SetRootAsync(StoreId store, string name, StorePath path, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => await session.ExecuteAsync(
            new SqlText(
                """
                INSERT INTO roots (store, name, path)
                SELECT p.store, @name, p.id FROM paths p WHERE p.store = @store AND p.hash_part = @hash AND p.name = @pathName
                ON CONFLICT (store, name) DO UPDATE SET path = excluded.path
                """,
                ("@store", store.Value),
                ("@name", name),
                ("@hash", path.HashPart),
                ("@pathName", path.Name)),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> RemoveRootAsync(StoreId store, string name, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => await session.ExecuteAsync(
            new SqlText("DELETE FROM roots WHERE store = @store AND name = @name", ("@store", store.Value), ("@name", name)),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<(string Name, StorePath Path)>> ListRootsAsync(StoreId store, CancellationToken cancellationToken) =>
        await ReadAsync(
            session => session.QueryAsync(
                new SqlText(
                    """
                    SELECT t.name, p.hash_part || '-' || p.name FROM roots t JOIN paths p ON p.id = t.path
                    WHERE t.store = @store ORDER BY t.name
                    """,
                    ("@store", store.Value)),
                reader => (reader.GetString(0), StorePath.ParseBaseName(reader.GetString(1))),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<long> OpenSessionAsync(StoreId store, string owner, TimeSpan lease, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => (await session.ScalarAsync(
            new SqlText(
                $"""
                INSERT INTO sessions (store, owner, lease_until, created)
                VALUES (@store, @owner, {_dialect.NowMilliseconds} + @lease, @now) RETURNING id
                """,
                ("@store", store.Value),
                ("@owner", owner),
                ("@lease", (long)lease.TotalMilliseconds),
                ("@now", NowSeconds())),
            cancellationToken).ConfigureAwait(false)).ToInt64(),
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> RenewSessionAsync(long session, TimeSpan lease, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async sql => await sql.ExecuteAsync(
            new SqlText(
                $"""
                UPDATE sessions SET lease_until = {_dialect.NowMilliseconds} + @lease
                WHERE id = @session AND lease_until > {_dialect.NowMilliseconds}
                """,
                ("@lease", (long)lease.TotalMilliseconds),
                ("@session", session)),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> AddTemporaryRootsAsync(
        long session, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async sql =>
        {
            object? alive = await sql.ScalarAsync(
                new SqlText(
                    $"SELECT id FROM sessions WHERE id = @session AND lease_until > {_dialect.NowMilliseconds}{_dialect.ForUpdate}",
                    ("@session", session)),
                cancellationToken).ConfigureAwait(false);
            if (alive is null)
            {
                return false;
            }

            string[] names = [.. paths.Distinct().Order().Select(path => path.BaseName)];
            await sql.ExecuteRowsAsync(
                new SqlText(
                    "INSERT INTO session_roots (session, base_name) SELECT @session, r.name FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING",
                    ("@session", session)),
                new RowSet(names.Length).Text("name", names),
                cancellationToken).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StorePath>> ListTemporaryRootsAsync(StoreId store, CancellationToken cancellationToken) =>
        await ReadAsync(
            session => session.QueryAsync(
                new SqlText(
                    $"""
                    SELECT DISTINCT t.base_name FROM sessions s JOIN session_roots t ON t.session = s.id
                    WHERE s.store = @store AND s.lease_until > {_dialect.NowMilliseconds} ORDER BY t.base_name
                    """,
                    ("@store", store.Value)),
                reader => StorePath.ParseBaseName(reader.GetString(0)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task CloseSessionAsync(long session, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async sql =>
        {
            await sql.ExecuteAsync(
                new SqlText("DELETE FROM session_roots WHERE session = @session", ("@session", session)), cancellationToken)
                .ConfigureAwait(false);
            return await sql.ExecuteAsync(
                new SqlText("DELETE FROM sessions WHERE id = @session", ("@session", session)), cancellationToken).ConfigureAwait(false);
        },
        cancellationToken);
}
