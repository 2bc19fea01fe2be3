namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Small texts by name.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public async Task<string?> FindTextAsync(StoreId store, string name, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(
            session => session.QueryAsync(
                new SqlText("SELECT value FROM store_texts WHERE store = @store AND name = @name", ("@store", store.Value), ("@name", name)),
                reader => reader.GetString(0),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return rows.Count == 0 ? null : rows[0];
    }

    /// <inheritdoc/>
    public Task SetTextAsync(StoreId store, string name, string? value, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value?.Length ?? 0, IStoreTextCatalog.LengthMax, nameof(value));
        return WriteAsync(
            durable: true,
            async session =>
            {
                await session.ExecuteAsync(
                    value is null
                        ? new SqlText("DELETE FROM store_texts WHERE store = @store AND name = @name", ("@store", store.Value), ("@name", name))
                        : new SqlText(
                            "INSERT INTO store_texts (store, name, value) VALUES (@store, @name, @value) ON CONFLICT (store, name) DO UPDATE SET value = excluded.value",
                            ("@store", store.Value),
                            ("@name", name),
                            ("@value", value)),
                    cancellationToken).ConfigureAwait(false);
                return true;
            },
            cancellationToken);
    }
}
