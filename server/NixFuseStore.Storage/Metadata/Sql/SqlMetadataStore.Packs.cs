using System.Data.Common;
using NixFuseStore.Content;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Packs and their leases, which go by the database's clock.</content>
internal sealed partial class SqlMetadataStore
{
    private const string PackColumns = "id, name, state, owner, lease_until, indexed_bytes, created";

    /// <inheritdoc/>
    public Task<PackRecord> CreatePackAsync(string name, string owner, TimeSpan lease, CancellationToken cancellationToken) =>
        WriteAsync(
            durable: true,
            session => InsertPackAsync(session, name, PackState.Open, owner, lease, 0, cancellationToken),
            cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PackId>> RenewPackLeasesAsync(string owner, TimeSpan lease, CancellationToken cancellationToken) =>
        await WriteAsync(
            durable: false,
            session => session.QueryAsync(
                new SqlText(
                    $"""
                    UPDATE packs SET lease_until = {_dialect.NowMilliseconds} + @lease WHERE owner = @owner AND state = {(int)PackState.Open}
                    RETURNING id
                    """,
                    ("@lease", (long)lease.TotalMilliseconds),
                    ("@owner", owner)),
                reader => new PackId(reader.GetInt32(0)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<bool> ClaimPackAsync(PackId pack, string owner, TimeSpan lease, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => await session.ExecuteAsync(
            new SqlText(
                $"""
                UPDATE packs SET owner = @owner, lease_until = {_dialect.NowMilliseconds} + @lease
                WHERE id = @pack AND state = {(int)PackState.Open} AND lease_until <= {_dialect.NowMilliseconds}
                """,
                ("@owner", owner),
                ("@lease", (long)lease.TotalMilliseconds),
                ("@pack", pack.Value)),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public Task ReleasePackAsync(PackId pack, string owner, CancellationToken cancellationToken) => WriteAsync(
        durable: false,
        session => session.ExecuteAsync(
            new SqlText(
                $"UPDATE packs SET lease_until = 0, owner = '' WHERE id = @pack AND owner = @owner AND state = {(int)PackState.Open}",
                ("@pack", pack.Value),
                ("@owner", owner)),
            cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> SealPackAsync(PackId pack, string owner, long totalBytes, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => await session.ExecuteAsync(
            new SqlText(
                $"""
                UPDATE packs SET state = {(int)PackState.Sealed}, indexed_bytes = @bytes
                WHERE id = @pack AND owner = @owner AND state = {(int)PackState.Open}
                """,
                ("@bytes", totalBytes),
                ("@pack", pack.Value),
                ("@owner", owner)),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public Task DeleteEmptyPackAsync(PackId pack, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        session => session.ExecuteAsync(
            new SqlText(
                $"DELETE FROM packs WHERE id = @pack AND state = {(int)PackState.Open} AND indexed_bytes = 0", ("@pack", pack.Value)),
            cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> ReplacePackAsync(
        PackRecord pack, PackRecord replacement, long totalBytes, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session =>
        {
            var current = await session.FirstAsync(
                new SqlText($"SELECT {PackColumns} FROM packs WHERE id = @pack{_dialect.ForUpdate}", ("@pack", pack.Id.Value)),
                ReadPack,
                cancellationToken).ConfigureAwait(false);
            if (current is not { State: PackState.Sealed } || current.Name != pack.Name)
            {
                return false;
            }

            int removed = await session.ExecuteAsync(
                new SqlText(
                    $"DELETE FROM packs WHERE id = @pack AND owner = @owner AND state = {(int)PackState.Open} AND indexed_bytes = 0",
                    ("@pack", replacement.Id.Value),
                    ("@owner", replacement.Owner)),
                cancellationToken).ConfigureAwait(false);
            return removed == 1 && await session.ExecuteAsync(
                new SqlText(
                    "UPDATE packs SET name = @name, indexed_bytes = @bytes WHERE id = @pack",
                    ("@name", replacement.Name),
                    ("@bytes", totalBytes),
                    ("@pack", pack.Id.Value)),
                cancellationToken).ConfigureAwait(false) == 1;
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<PackRecord?> FindPackAsync(PackId pack, CancellationToken cancellationToken) => ReadAsync(
        session => session.FirstAsync(
            new SqlText($"SELECT {PackColumns} FROM packs WHERE id = @pack", ("@pack", pack.Value)), ReadPack, cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PackRecord>> ListPacksAsync(CancellationToken cancellationToken) => await ReadAsync(
        session => session.QueryAsync($"SELECT {PackColumns} FROM packs ORDER BY id", ReadPack, cancellationToken),
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PackRecord>> ListAbandonedPacksAsync(CancellationToken cancellationToken) => await ReadAsync(
        session => session.QueryAsync(
            $"""
            SELECT {PackColumns} FROM packs WHERE state = {(int)PackState.Open} AND lease_until <= {_dialect.NowMilliseconds} ORDER BY id
            """,
            ReadPack,
            cancellationToken),
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<IndexedChunk>> ListPackChunksAsync(PackId pack, CancellationToken cancellationToken) =>
        await ReadAsync(
            session => session.QueryAsync(
                new SqlText(
                    $"SELECT {ChunkColumns}, c.digest FROM chunks c WHERE c.pack = @pack ORDER BY c.start", ("@pack", pack.Value)),
                reader => new IndexedChunk(ChunkId.Read(reader.GetBytes(6)), ReadLocation(reader)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<PackRecord> AdoptPackAsync(
        string name, long totalBytes, StoreId store, IReadOnlyList<IndexedChunk> chunks, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session =>
        {
            // 1. The row, which may be there: a pack whose chunks were lost from the index, or that was not marked as sealed.
            var pack = await session.FirstAsync(
                new SqlText($"SELECT {PackColumns} FROM packs WHERE name = @name{_dialect.ForUpdate}", ("@name", name)),
                ReadPack,
                cancellationToken).ConfigureAwait(false)
                ?? await InsertPackAsync(session, name, PackState.Sealed, "", TimeSpan.Zero, totalBytes, cancellationToken)
                    .ConfigureAwait(false);
            await session.ExecuteAsync(
                new SqlText(
                    $"UPDATE packs SET state = {(int)PackState.Sealed}, indexed_bytes = @bytes WHERE id = @pack",
                    ("@bytes", totalBytes),
                    ("@pack", pack.Id.Value)),
                cancellationToken).ConfigureAwait(false);

            // 2. The chunks, under the number that the pack has in this database; those that are damaged there are none.
            IndexedChunk[] renumbered =
                [.. chunks.Select(chunk => chunk with { Location = chunk.Location with { Pack = pack.Id } }).OrderBy(chunk => chunk.Id)];
            var damaged = await ReadDamagedStoresAsync(session, renumbered, cancellationToken).ConfigureAwait(false);
            renumbered = Array.FindAll(renumbered, chunk => !damaged.ContainsKey(chunk.Id));
            var batch = new SqlBatch();
            AddChunks(batch, store, renumbered, static () => { });
            batch.ExecuteRows(ShareChunks(store), DigestRows(Array.ConvertAll(renumbered, chunk => chunk.Id)));
            await session.RunAsync(batch, cancellationToken).ConfigureAwait(false);
            return pack with { State = PackState.Sealed, IndexedBytes = totalBytes };
        },
        cancellationToken);

    private static PackRecord ReadPack(DbDataReader reader) => new(
        new PackId(reader.GetInt32(0)),
        reader.GetString(1),
        (PackState)reader.GetInt32(2),
        reader.GetString(3),
        reader.GetInt64(4),
        reader.GetInt64(5),
        reader.GetInt64(6));

    /// <summary>Notes how far a pack is indexed. Returns its id only where it is still the owner's.</summary>
    private static SqlText ExtendPack(PackId pack, string owner, long indexedBytes) => new(
        $"""
        UPDATE packs SET indexed_bytes = CASE WHEN indexed_bytes > @bytes THEN indexed_bytes ELSE @bytes END
        WHERE id = @pack AND owner = @owner AND state = {(int)PackState.Open} RETURNING id
        """,
        ("@bytes", indexedBytes),
        ("@pack", pack.Value),
        ("@owner", owner));

    private async Task<PackRecord> InsertPackAsync(
        SqlSession session,
        string name,
        PackState state,
        string owner,
        TimeSpan lease,
        long indexedBytes,
        CancellationToken cancellationToken) => (await session.FirstAsync(
        new SqlText(
            $"""
            INSERT INTO packs (name, state, owner, lease_until, indexed_bytes, created)
            VALUES (@name, @state, @owner, {_dialect.NowMilliseconds} + @lease, @bytes, @now) RETURNING {PackColumns}
            """,
            ("@name", name),
            ("@state", (int)state),
            ("@owner", owner),
            ("@lease", (long)lease.TotalMilliseconds),
            ("@bytes", indexedBytes),
            ("@now", NowSeconds())),
        ReadPack,
        cancellationToken).ConfigureAwait(false))!;
}
