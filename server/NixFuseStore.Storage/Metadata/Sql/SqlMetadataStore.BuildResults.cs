using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Realisations and logs of builds.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task<IReadOnlyDictionary<string, string>> AddRealisationsAsync(
        StoreId store, IReadOnlyCollection<KeyValuePair<string, string>> realisations, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session =>
        {
            // 1. The first of each id stays.
            var sorted = realisations.GroupBy(item => item.Key, item => item.Value, StringComparer.Ordinal)
                .Select(same => (Id: same.Key, Json: same.Aggregate(RealisationJson.Unite)))
                .OrderBy(item => item.Id, StringComparer.Ordinal).ToArray();
            string[] ids = Array.ConvertAll(sorted, item => item.Id);
            await session.ExecuteRowsAsync(
                new SqlText(
                    "INSERT INTO realisations (store, id, json) SELECT @store, r.id, r.json FROM {rows} WHERE 1 = 1 ON CONFLICT DO NOTHING",
                    ("@store", store.Value)),
                new RowSet(sorted.Length).Text("id", ids).Text("json", Array.ConvertAll(sorted, item => item.Json)),
                cancellationToken).ConfigureAwait(false);

            // 2. Signatures of equal ones come to it. Locked, so that nobody else adds others meanwhile.
            var registered = await FindRealisationsAsync(session, store, ids, _dialect.ForUpdate, cancellationToken).ConfigureAwait(false);
            var united = sorted.Select(item => (item.Id, Json: RealisationJson.Unite(registered[item.Id], item.Json)))
                .Where(item => item.Json != registered[item.Id]).ToArray();
            await session.ExecuteRowsAsync(
                new SqlText(
                    """
                    INSERT INTO realisations (store, id, json) SELECT @store, r.id, r.json FROM {rows} WHERE 1 = 1
                    ON CONFLICT (store, id) DO UPDATE SET json = excluded.json
                    """,
                    ("@store", store.Value)),
                new RowSet(united.Length).Text("id", Array.ConvertAll(united, item => item.Id)).Text("json", Array.ConvertAll(united, item => item.Json)),
                cancellationToken).ConfigureAwait(false);
            foreach (var (id, json) in united)
            {
                registered[id] = json;
            }

            return (IReadOnlyDictionary<string, string>)registered;
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, string>> FindRealisationsAsync(
        StoreId store, IReadOnlyCollection<string> ids, CancellationToken cancellationToken) =>
        await ReadAsync(
            session => FindRealisationsAsync(session, store, [.. ids.Distinct()], forUpdate: "", cancellationToken), cancellationToken)
            .ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<bool> AddBuildLogAsync(StoreId store, StorePath derivation, BuildLog log, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => await session.ExecuteAsync(
            new SqlText(
                """
                INSERT INTO build_logs (store, base_name, plain_length, zstd, created) VALUES (@store, @name, @length, @zstd, @now)
                ON CONFLICT DO NOTHING
                """,
                ("@store", store.Value),
                ("@name", derivation.BaseName),
                ("@length", log.PlainLength),
                ("@zstd", log.Zstd.ToArray()),
                ("@now", NowSeconds())),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public Task<BuildLog?> FindBuildLogAsync(StoreId store, StorePath derivation, CancellationToken cancellationToken) => ReadAsync(
        session => session.FirstAsync(
            new SqlText(
                "SELECT plain_length, zstd FROM build_logs WHERE store = @store AND base_name = @name",
                ("@store", store.Value),
                ("@name", derivation.BaseName)),
            reader => new BuildLog(reader.GetInt32(0), reader.GetBytes(1)),
            cancellationToken),
        cancellationToken);

    private static async Task<Dictionary<string, string>> FindRealisationsAsync(
        SqlSession session, StoreId store, string[] ids, string forUpdate, CancellationToken cancellationToken)
    {
        var rows = await session.QueryRowsAsync(
            new SqlText(
                $"SELECT t.id, t.json FROM {{rows}} CROSS JOIN realisations t WHERE t.store = @store AND t.id = r.id{forUpdate}",
                ("@store", store.Value)),
            new RowSet(ids.Length).Text("id", ids),
            reader => (Id: reader.GetString(0), Json: reader.GetString(1)),
            cancellationToken).ConfigureAwait(false);
        return rows.ToDictionary(row => row.Id, row => row.Json, StringComparer.Ordinal);
    }
}
