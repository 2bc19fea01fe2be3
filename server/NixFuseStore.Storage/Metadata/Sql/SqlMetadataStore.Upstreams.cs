namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Upstream binary caches and the keys that are trusted in what comes from them.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>Kinds of rows in <c>store_upstreams</c>.</summary>
    private const int UpstreamUrl = 1;
    private const int UpstreamKey = 2;

    /// <inheritdoc/>
    public async Task<UpstreamSettings> GetUpstreamsAsync(StoreId store, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(
            session => session.QueryAsync(
                new SqlText("SELECT kind, value FROM store_upstreams WHERE store = @store ORDER BY id", ("@store", store.Value)),
                reader => (Kind: reader.GetInt32(0), Value: reader.GetString(1)),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
        return new UpstreamSettings(
            [.. rows.Where(row => row.Kind == UpstreamUrl).Select(row => row.Value)],
            [.. rows.Where(row => row.Kind == UpstreamKey).Select(row => row.Value)]);
    }

    /// <inheritdoc/>
    public Task ChangeUpstreamsAsync(
        StoreId store, UpstreamSettings added, UpstreamSettings removed, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(added);
        ArgumentNullException.ThrowIfNull(removed);
        return WriteAsync(
            durable: true,
            async session =>
            {
                foreach (var (kind, value) in Rows(removed))
                {
                    await session.ExecuteAsync(
                        new SqlText(
                            "DELETE FROM store_upstreams WHERE store = @store AND kind = @kind AND value = @value",
                            ("@store", store.Value),
                            ("@kind", kind),
                            ("@value", value)),
                        cancellationToken).ConfigureAwait(false);
                }

                foreach (var (kind, value) in Rows(added))
                {
                    await session.ExecuteAsync(
                        new SqlText(
                            "INSERT INTO store_upstreams (store, kind, value) VALUES (@store, @kind, @value) ON CONFLICT DO NOTHING",
                            ("@store", store.Value),
                            ("@kind", kind),
                            ("@value", value)),
                        cancellationToken).ConfigureAwait(false);
                }

                return true;
            },
            cancellationToken);
    }

    private static IEnumerable<(int Kind, string Value)> Rows(UpstreamSettings settings) =>
        settings.Urls.Select(url => (UpstreamUrl, url)).Concat(settings.TrustedPublicKeys.Select(key => (UpstreamKey, key)));
}
