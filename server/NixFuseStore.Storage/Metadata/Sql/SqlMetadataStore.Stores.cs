using System.Data.Common;
using System.Security.Cryptography;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Stores and their keys.</content>
internal sealed partial class SqlMetadataStore
{
    private const string StoreColumns = "id, name, directory, uuid, chunking_parameters, created";

    /// <inheritdoc/>
    public Task<StoreRecord?> CreateStoreAsync(NewStore store, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (!StoreName.IsValid(store.Name))
        {
            throw new ArgumentException($"'{store.Name}' cannot be the name of a store: {StoreName.Rule}.", nameof(store));
        }

        return WriteAsync(
            durable: true,
            async session =>
            {
                var created = await session.FirstAsync(
                    new SqlText(
                        $"""
                        INSERT INTO stores (name, directory, uuid, chunking_parameters, created)
                        VALUES (@name, @directory, @uuid, @parameters, @now)
                        ON CONFLICT DO NOTHING RETURNING {StoreColumns}
                        """,
                        ("@name", store.Name),
                        ("@directory", store.StoreDirectory),
                        ("@uuid", RandomNumberGenerator.GetBytes(16)),
                        ("@parameters", store.ChunkingParameters),
                        ("@now", NowSeconds())),
                    ReadStore,
                    cancellationToken).ConfigureAwait(false);
                if (created is not null)
                {
                    await InsertKeyAsync(session, created.Id, store.SecretKey, store.PublicKey, cancellationToken).ConfigureAwait(false);
                }

                return created;
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public Task<StoreRecord?> FindStoreAsync(string name, CancellationToken cancellationToken) => ReadAsync(
        session => session.FirstAsync(
            new SqlText($"SELECT {StoreColumns} FROM stores WHERE name = @name", ("@name", name)), ReadStore, cancellationToken),
        cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoreRecord>> ListStoresAsync(CancellationToken cancellationToken) => await ReadAsync(
        session => session.QueryAsync($"SELECT {StoreColumns} FROM stores ORDER BY name", ReadStore, cancellationToken),
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<SigningKeyRecord>> GetSigningKeysAsync(StoreId store, CancellationToken cancellationToken) =>
        await ReadAsync(
            session => session.QueryAsync(
                new SqlText(
                    "SELECT public_key, secret_key, created FROM store_keys WHERE store = @store ORDER BY id DESC", ("@store", store.Value)),
                reader => new SigningKeyRecord(reader.GetString(0), reader.GetString(1), reader.GetInt64(2)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task AddSigningKeyAsync(StoreId store, string secretKey, string publicKey, CancellationToken cancellationToken) =>
        WriteAsync(
            durable: true, session => InsertKeyAsync(session, store, secretKey, publicKey, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<StoreId, StoreSize>> GetStoreSizesAsync(CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(
            session => session.QueryAsync(
                "SELECT store, count(*), CAST(sum(nar_size) AS bigint) FROM paths GROUP BY store",
                reader => KeyValuePair.Create(new StoreId(reader.GetInt32(0)), new StoreSize(reader.GetInt64(1), reader.GetInt64(2))),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return new Dictionary<StoreId, StoreSize>(rows);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredPath>> FindUnsignedPathsAsync(
        StoreId store, string keyName, int limit, CancellationToken cancellationToken) => await ReadAsync(
        session => session.QueryAsync(
            new SqlText(
                $"SELECT {RecordColumns} FROM paths p JOIN manifests m ON m.id = p.manifest WHERE {Unsigned} ORDER BY p.hash_part LIMIT @limit",
                ("@store", store.Value),
                ("@kind", StoreSignature),
                ("@prefix", keyName + ":"),
                ("@limit", limit)),
            ReadPath,
            cancellationToken),
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<long> CountUnsignedPathsAsync(StoreId store, string keyName, CancellationToken cancellationToken) => ReadAsync(
        async session => (await session.ScalarAsync(
            new SqlText(
                $"SELECT count(*) FROM paths p WHERE {Unsigned}",
                ("@store", store.Value),
                ("@kind", StoreSignature),
                ("@prefix", keyName + ":")),
            cancellationToken).ConfigureAwait(false)).ToInt64(),
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> RemoveSigningKeyAsync(StoreId store, string publicKey, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session =>
        {
            // Both kinds: the store's own over path statements, and Nix's.
            await session.ExecuteAsync(
                new SqlText(
                    """
                    DELETE FROM signatures WHERE path IN (SELECT id FROM paths WHERE store = @store)
                    AND substr(signature, 1, length(@prefix)) = @prefix
                    """,
                    ("@store", store.Value),
                    ("@prefix", publicKey[..(publicKey.IndexOf(':', StringComparison.Ordinal) + 1)])),
                cancellationToken).ConfigureAwait(false);
            return await session.ExecuteAsync(
                new SqlText(
                    "DELETE FROM store_keys WHERE store = @store AND public_key = @public", ("@store", store.Value), ("@public", publicKey)),
                cancellationToken).ConfigureAwait(false) == 1;
        },
        cancellationToken);

    /// <summary>Which paths <c>p</c> of <c>@store</c> lack a signature of <c>@kind</c> that begins with <c>@prefix</c>.</summary>
    private const string Unsigned =
        """
        p.store = @store AND NOT EXISTS (
          SELECT 1 FROM signatures s WHERE s.path = p.id AND s.kind = @kind AND substr(s.signature, 1, length(@prefix)) = @prefix)
        """;

    private static StoreRecord ReadStore(DbDataReader reader) => new(
        new StoreId(reader.GetInt32(0)),
        reader.GetString(1),
        reader.GetString(2),
        reader.GetBytes(3),
        reader.GetInt32(4),
        reader.GetInt64(5));

    private Task<int> InsertKeyAsync(
        SqlSession session, StoreId store, string secretKey, string publicKey, CancellationToken cancellationToken) =>
        session.ExecuteAsync(
            new SqlText(
                """
                INSERT INTO store_keys (store, public_key, secret_key, created) VALUES (@store, @public, @secret, @now)
                ON CONFLICT DO NOTHING
                """,
                ("@store", store.Value),
                ("@public", publicKey),
                ("@secret", secretKey),
                ("@now", NowSeconds())),
            cancellationToken);
}
