using System.Data.Common;
using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>The chunk index.</content>
internal sealed partial class SqlMetadataStore
{
    private const string ChunkColumns = "c.pack, c.start, c.stored_length, c.plain_length, c.encoding, c.sum";

    /// <summary>Joins the chunks <c>c</c> with the digests of the rows.</summary>
    private string ChunksByDigest => _dialect.JoinByIndex("chunks", "c", "c.digest = r.digest");

    /// <inheritdoc/>
    public async Task<bool[]> FindMissingChunksAsync(ChunkScope scope, IReadOnlyList<ChunkId> ids, CancellationToken cancellationToken)
    {
        var missing = new bool[ids.Count];
        Array.Fill(missing, true);
        await ReadAsync(
            session => session.QueryRowsAsync(
                $"SELECT r.ord FROM {{rows}} {ChunksByDigest} WHERE {InScope(scope)}",
                DigestRows(ids),
                reader => missing[reader.GetInt64(0)] = false,
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return missing;
    }

    /// <inheritdoc/>
    public async Task<ChunkLocation?[]> FindChunksAsync(ChunkScope scope, IReadOnlyList<ChunkId> ids, CancellationToken cancellationToken)
    {
        var found = new ChunkLocation?[ids.Count];
        await ReadAsync(
            session => session.QueryRowsAsync(
                $"SELECT {ChunkColumns}, r.ord FROM {{rows}} {ChunksByDigest} WHERE {InScope(scope)}",
                DigestRows(ids),
                reader => found[reader.GetInt64(6)] = ReadLocation(reader),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return found;
    }

    /// <inheritdoc/>
    public async Task<int> IndexChunksAsync(
        StoreId store, string owner, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        var (inserted, heads) = await WriteAsync(
            durable: false, session => IndexAsync(session, store, owner, chunks, cancellationToken), cancellationToken).ConfigureAwait(false);
        Announce(heads);
        return inserted;
    }

    private async Task<(int Inserted, List<(StoreId Store, EventPosition Head)> Heads)> IndexAsync(
        SqlSession session, StoreId store, string owner, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken)
    {
        // 1. The packs must still be the owner's: a server that slept through its lease must not index what another cut off.
        var batch = new SqlBatch();
        var lost = chunks.Select(chunk => chunk.Location.Pack).ToHashSet();
        foreach (var pack in chunks.GroupBy(chunk => chunk.Location.Pack).OrderBy(pack => pack.Key.Value))
        {
            long end = pack.Max(chunk => (long)chunk.Location.Offset + chunk.Location.StoredLength);
            batch.Query(ExtendPack(pack.Key, owner, end), reader => lost.Remove(new PackId(reader.GetInt32(0))));
        }

        // 2. The chunks, sorted, so that servers which enter the same ones wait for each other in one direction.
        var sorted = chunks.OrderBy(chunk => chunk.Id).ToArray();
        int inserted = 0;
        bool anyDamaged = false;
        AddChunks(batch, store, sorted, () => inserted++);
        batch.Query("SELECT 1 FROM damaged_chunks LIMIT 1", _ => anyDamaged = true);
        await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
        if (lost.Count > 0)
        {
            throw new PackLostException(
                $"Pack {lost.First()} is no longer {owner}'s: its lease ran out and another server has taken it over.");
        }

        // 3. Those that were there already become visible.
        if (inserted < sorted.Length)
        {
            await ShareChunksAsync(session, store, Array.ConvertAll(sorted, chunk => chunk.Id), cancellationToken).ConfigureAwait(false);
        }

        // 4. Those that were damaged are whole again, wherever they are needed.
        return (inserted, anyDamaged
            ? await HealAsync(session, Array.ConvertAll(sorted, chunk => chunk.Id), cancellationToken).ConfigureAwait(false)
            : []);
    }

    /// <inheritdoc/>
    public Task ShareChunksAsync(StoreId store, IReadOnlyList<ChunkId> ids, CancellationToken cancellationToken) => WriteAsync(
        durable: false,
        session => ShareChunksAsync(session, store, [.. ids.Distinct().Order()], cancellationToken),
        cancellationToken);

    private static RowSet DigestRows(IReadOnlyList<ChunkId> ids) =>
        new RowSet(ids.Count).Digest("digest", [.. ids.Select(id => id.ToArray())]);

    /// <summary>A condition on chunk <c>c</c>. A chunk's own column names the store that brought it, a row beside it each further one.</summary>
    private static string InScope(ChunkScope scope)
    {
        if (scope.Stores is null)
        {
            return "1 = 1";
        }

        if (scope.Stores.Count == 0)
        {
            return "1 = 0";
        }

        string stores = string.Join(", ", scope.Stores.Select(store => store.Value).Order());
        return $"(c.store IN ({stores}) OR EXISTS (SELECT 1 FROM chunk_stores v WHERE v.digest = c.digest AND v.store IN ({stores})))";
    }

    private static ChunkLocation ReadLocation(DbDataReader reader) => new(
        new PackId(reader.GetInt32(0)),
        reader.GetInt32(1),
        reader.GetInt32(2),
        reader.GetInt32(3),
        (ChunkEncoding)reader.GetInt32(4),
        new StoredSum(unchecked((ulong)reader.GetInt64(5))));

    private Task<int> ShareChunksAsync(
        SqlSession session, StoreId store, ChunkId[] sorted, CancellationToken cancellationToken) =>
        session.ExecuteRowsAsync(ShareChunks(store), DigestRows(sorted), cancellationToken);

    private SqlText ShareChunks(StoreId store) => new(
        $$"""
        INSERT INTO chunk_stores (digest, store) SELECT c.digest, @store FROM {rows} {{ChunksByDigest}} WHERE c.store <> @store
        ON CONFLICT DO NOTHING
        """,
        ("@store", store.Value));

    /// <summary>Enters chunks in their order, which is to be that of their ids; those that are there keep their place.</summary>
    private void AddChunks(SqlBatch batch, StoreId store, IndexedChunk[] sorted, Action inserted) => batch.QueryRows(
        new SqlText(
            """
            INSERT INTO chunks (digest, pack, start, stored_length, plain_length, encoding, sum, store, created)
            SELECT r.digest, r.pack, r.start, r.stored_length, r.plain_length, r.encoding, r.sum, @store, @now FROM {rows} WHERE 1 = 1
            ON CONFLICT DO NOTHING RETURNING 1
            """,
            ("@store", store.Value),
            ("@now", (int)NowSeconds())),
        PlaceRows(sorted),
        _ => inserted());
}
