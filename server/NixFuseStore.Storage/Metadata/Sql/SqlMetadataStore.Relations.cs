using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>What paths have to do with each other: referrers, derivers and outputs.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task<ILookup<StorePath, StorePath>> GetReferrersAsync(
        StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken) => ReadRelatedAsync(
        """
        SELECT r.base_name, q.hash_part || '-' || q.name
        FROM {rows} CROSS JOIN paths p JOIN path_references f ON f.reference = p.id JOIN paths q ON q.id = f.referrer
        WHERE p.store = @store AND p.hash_part = substr(r.base_name, 1, 32) AND p.name = substr(r.base_name, 34)
        """,
        store,
        paths,
        cancellationToken);

    /// <inheritdoc/>
    public Task<ILookup<StorePath, StorePath>> GetDeriversAsync(
        StoreId store, IReadOnlyCollection<StorePath> outputs, CancellationToken cancellationToken) => ReadRelatedAsync(
        """
        SELECT DISTINCT r.base_name, p.hash_part || '-' || p.name
        FROM {rows} CROSS JOIN derivation_outputs o JOIN paths p ON p.id = o.path
        WHERE o.base_name = r.base_name AND p.store = @store
        """,
        store,
        outputs,
        cancellationToken);

    private async Task<ILookup<StorePath, StorePath>> ReadRelatedAsync(
        string statement, StoreId store, IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        string[] names = [.. paths.Distinct().Select(path => path.BaseName)];
        var rows = await ReadAsync(
            session => session.QueryRowsAsync(
                new SqlText(statement, ("@store", store.Value)),
                new RowSet(names.Length).Text("base_name", names),
                reader => (Path: StorePath.ParseBaseName(reader.GetString(0)), Related: StorePath.ParseBaseName(reader.GetString(1))),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return rows.OrderBy(row => row.Related).ToLookup(row => row.Path, row => row.Related);
    }

    private void AddDerivationOutputs(SqlBatch batch, StoreId store, PathRow[] accepted)
    {
        (string HashPart, string Output, string BaseName)[] outputs =
        [
            .. accepted.SelectMany(candidate => candidate.Path.DerivationOutputs
                .Select(output => (candidate.HashPart, output.Key, output.Value.BaseName))),
        ];
        batch.ExecuteRows(
            new SqlText(
                $"INSERT INTO derivation_outputs (path, output, base_name) SELECT p.id, r.output, r.base_name FROM {{rows}} {PathsByHashPart}",
                ("@store", store.Value)),
            new RowSet(outputs.Length)
                .Text("hash_part", Array.ConvertAll(outputs, output => output.HashPart))
                .Text("output", Array.ConvertAll(outputs, output => output.Output))
                .Text("base_name", Array.ConvertAll(outputs, output => output.BaseName)));
    }
}
