using System.Runtime.CompilerServices;
using NixFuseStore.Nix;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>What roots keep alive.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyList<StorePath>> ListByLivenessAsync(
        StoreId store, bool live, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Row numbers first, which take little room for any number of paths; names batch by batch, so that a slow taker holds no connection.
        var ids = await ReadAsync(session => FindByLivenessAsync(session, store, live, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        foreach (long[] part in ids.Chunk(ListBatch))
        {
            var names = await ReadAsync(
                session => session.QueryRowsAsync(
                    "SELECT p.hash_part || '-' || p.name FROM {rows} CROSS JOIN paths p WHERE p.id = r.id ORDER BY r.ord",
                    new RowSet(part.Length).Big("id", part),
                    reader => StorePath.ParseBaseName(reader.GetString(0)),
                    cancellationToken),
                cancellationToken).ConfigureAwait(false);
            if (names.Count > 0)
            {
                yield return names;
            }
        }
    }

    private Task<List<long>> FindByLivenessAsync(SqlSession session, StoreId store, bool live, CancellationToken cancellationToken)
    {
        // Each step goes to the references (way 0) and to the deriver (way 1). One recursive term for both, since PostgreSQL takes no
        // more; outer joins, because their conditions on the way keep each lookup an index's.
        string wanted = live ? "live" : "(SELECT id FROM paths WHERE store = @store EXCEPT SELECT id FROM live)";
        return session.QueryAsync(
            new SqlText(
                $"""
                WITH RECURSIVE kept(base_name) AS (
                  SELECT t.base_name FROM roots t WHERE t.store = @store AND {LeaseLasts}
                  UNION
                  SELECT t.base_name FROM sessions s JOIN session_roots t ON t.session = s.id
                  WHERE s.store = @store AND s.lease_until > {_dialect.NowMilliseconds}),
                live(id) AS (
                  SELECT p.id FROM kept k CROSS JOIN paths p
                  WHERE p.store = @store AND p.hash_part = substr(k.base_name, 1, 32) AND p.name = substr(k.base_name, 34)
                  UNION
                  SELECT coalesce(f.reference, d.id) FROM live l CROSS JOIN (SELECT 0 AS number UNION ALL SELECT 1) way
                  LEFT JOIN path_references f ON way.number = 0 AND f.referrer = l.id
                  LEFT JOIN paths p ON way.number = 1 AND p.id = l.id
                  LEFT JOIN paths d ON d.store = p.store AND d.hash_part = substr(p.deriver, 1, 32) AND d.name = substr(p.deriver, 34)
                  WHERE f.reference IS NOT NULL OR d.id IS NOT NULL)
                SELECT p.id FROM {wanted} w JOIN paths p ON p.id = w.id ORDER BY p.hash_part
                """,
                ("@store", store.Value)),
            reader => reader.GetInt64(0),
            cancellationToken);
    }
}
