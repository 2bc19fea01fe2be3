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
