using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Roots of hosts.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>Of roots <c>t</c>.</summary>
    private string LeaseLasts => $"(t.lease_until IS NULL OR t.lease_until > {_dialect.NowMilliseconds})";

    /// <inheritdoc/>
    public Task SetRootsAsync(StoreId store, string host, IReadOnlyCollection<NewRoot> roots, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session =>
        {
            var sorted = roots.GroupBy(root => root.Link, StringComparer.Ordinal).Select(equal => equal.Last())
                .OrderBy(root => root.Link, StringComparer.Ordinal).ToArray();
            return await session.ExecuteRowsAsync(
                new SqlText(
                    $$"""
                    INSERT INTO roots (store, host, link, kind, base_name, created, lease_until)
                    SELECT @store, @host, r.link, r.kind, r.base_name, @now, {{_dialect.NowMilliseconds}} + r.lease FROM {rows} WHERE 1 = 1
                    ON CONFLICT (store, host, link) DO UPDATE SET
                      kind = excluded.kind, base_name = excluded.base_name, lease_until = excluded.lease_until,
                      created = CASE WHEN roots.base_name = excluded.base_name THEN roots.created ELSE excluded.created END
                    """,
                    ("@store", store.Value),
                    ("@host", host),
                    ("@now", NowSeconds())),
                new RowSet(sorted.Length)
                    .Text("link", Array.ConvertAll(sorted, root => root.Link))
                    .Int("kind", Array.ConvertAll(sorted, root => (int)root.Kind))
                    .Text("base_name", Array.ConvertAll(sorted, root => root.Target.BaseName))
                    .NullableBig("lease", Array.ConvertAll(sorted, root => (long?)root.Lease?.TotalMilliseconds)),
                cancellationToken).ConfigureAwait(false);
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> RemoveRootsAsync(
        StoreId store, string host, IReadOnlyCollection<string> links, CancellationToken cancellationToken) => await WriteAsync(
        durable: true,
        async session =>
        {
            string[] sorted = [.. links.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
            var removed = await session.QueryRowsAsync(
                new SqlText(
                    "DELETE FROM roots WHERE store = @store AND host = @host AND link IN (SELECT r.link FROM {rows}) RETURNING link",
                    ("@store", store.Value),
                    ("@host", host)),
                new RowSet(sorted.Length).Text("link", sorted),
                reader => reader.GetString(0),
                cancellationToken).ConfigureAwait(false);
            return removed;
        },
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<IReadOnlyList<RootRecord>> ListRootsAsync(StoreId store, CancellationToken cancellationToken) => ReadAsync(
        async session =>
        {
            var roots = await session.QueryAsync(
                new SqlText(
                    $"""
                    SELECT t.kind, t.host, t.link, t.base_name, t.created, t.lease_until FROM roots t
                    WHERE t.store = @store AND {LeaseLasts} ORDER BY t.host, t.link
                    """,
                    ("@store", store.Value)),
                reader => new RootRecord(
                    (RootKind)reader.GetInt32(0),
                    reader.GetString(1),
                    reader.GetString(2),
                    StorePath.ParseBaseName(reader.GetString(3)),
                    reader.GetInt64(4),
                    reader.GetInt64OrNull(5) / 1000),
                cancellationToken).ConfigureAwait(false);
            roots.AddRange(await ListTemporaryRootsAsync(session, store, cancellationToken).ConfigureAwait(false));
            return (IReadOnlyList<RootRecord>)roots;
        },
        cancellationToken);
}
