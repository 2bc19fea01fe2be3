using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Derivation outputs and realisations.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task<bool> AddDerivationOutputsAsync(
        StoreId store, StorePath derivation, IReadOnlyDictionary<string, StorePath> outputs, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session =>
        {
            await LockStoreAsync(session, store, cancellationToken).ConfigureAwait(false);
            object? id = await session.ScalarAsync(
                new SqlText(
                    "SELECT id FROM paths WHERE store = @store AND hash_part = @hash AND name = @name",
                    ("@store", store.Value),
                    ("@hash", derivation.HashPart),
                    ("@name", derivation.Name)),
                cancellationToken).ConfigureAwait(false);
            if (id is null)
            {
                return false;
            }

            var sorted = outputs.OrderBy(output => output.Key, StringComparer.Ordinal).ToArray();
            await session.ExecuteRowsAsync(
                new SqlText(
                    """
                    INSERT INTO derivation_outputs (path, output, base_name) SELECT @path, r.output, r.base_name FROM {rows} WHERE 1 = 1
                    ON CONFLICT DO NOTHING
                    """,
                    ("@path", id.ToInt64())),
                new RowSet(sorted.Length)
                    .Text("output", Array.ConvertAll(sorted, output => output.Key))
                    .Text("base_name", Array.ConvertAll(sorted, output => output.Value.BaseName)),
                cancellationToken).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, StorePath>> GetDerivationOutputsAsync(
        StoreId store, StorePath derivation, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(
            session => session.QueryAsync(
                new SqlText(
                    """
                    SELECT o.output, o.base_name FROM paths p JOIN derivation_outputs o ON o.path = p.id
                    WHERE p.store = @store AND p.hash_part = @hash AND p.name = @name
                    """,
                    ("@store", store.Value),
                    ("@hash", derivation.HashPart),
                    ("@name", derivation.Name)),
                reader => (Output: reader.GetString(0), Path: StorePath.ParseBaseName(reader.GetString(1))),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return rows.ToDictionary(row => row.Output, row => row.Path, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StorePath>> GetDeriversAsync(StoreId store, StorePath output, CancellationToken cancellationToken) =>
        await ReadAsync(
            session => session.QueryAsync(
                new SqlText(
                    """
                    SELECT DISTINCT p.hash_part || '-' || p.name AS base_name FROM derivation_outputs o JOIN paths p ON p.id = o.path
                    WHERE o.base_name = @output AND p.store = @store ORDER BY 1
                    """,
                    ("@output", output.BaseName),
                    ("@store", store.Value)),
                reader => StorePath.ParseBaseName(reader.GetString(0)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<string> AddRealisationAsync(StoreId store, string id, string json, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session =>
        {
            await session.ExecuteAsync(
                new SqlText(
                    "INSERT INTO realisations (store, id, json) VALUES (@store, @id, @json) ON CONFLICT DO NOTHING",
                    ("@store", store.Value),
                    ("@id", id),
                    ("@json", json)),
                cancellationToken).ConfigureAwait(false);
            return (string)(await session.ScalarAsync(Realisation(store, id), cancellationToken).ConfigureAwait(false))!;
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<string?> FindRealisationAsync(StoreId store, string id, CancellationToken cancellationToken) => ReadAsync(
        async session => (string?)await session.ScalarAsync(Realisation(store, id), cancellationToken).ConfigureAwait(false),
        cancellationToken);

    private static SqlText Realisation(StoreId store, string id) =>
        new("SELECT json FROM realisations WHERE store = @store AND id = @id", ("@store", store.Value), ("@id", id));
}
