namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Bearer tokens.</content>
internal sealed partial class SqlMetadataStore
{
    /// <inheritdoc/>
    public Task<TokenRecord> CreateTokenAsync(NewToken token, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (token.Hash.Length != 32)
        {
            throw new ArgumentException("A token's hash has 32 bytes.", nameof(token));
        }

        return WriteAsync(
            durable: true,
            async session =>
            {
                long now = NowSeconds();
                long id = (await session.ScalarAsync(
                    new SqlText(
                        "INSERT INTO tokens (hash, label, rights_everywhere, created, expires) VALUES (@hash, @label, @rights, @now, @expires) RETURNING id",
                        ("@hash", token.Hash),
                        ("@label", token.Label),
                        ("@rights", (int)token.RightsEverywhere),
                        ("@now", now),
                        ("@expires", token.Expires)),
                    cancellationToken).ConfigureAwait(false)).ToInt64();
                foreach (var (store, rights) in token.RightsByStore)
                {
                    await session.ExecuteAsync(
                        new SqlText(
                            "INSERT INTO token_rights (token, store, rights) VALUES (@token, @store, @rights)",
                            ("@token", id),
                            ("@store", store.Value),
                            ("@rights", (int)rights)),
                        cancellationToken).ConfigureAwait(false);
                }

                return new TokenRecord(id, token.Label, token.RightsEverywhere, token.RightsByStore, now, null, null) { Expires = token.Expires };
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<TokenRecord?> FindTokenAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken)
    {
        var found = await QueryTokensAsync(new SqlText("WHERE t.hash = @hash", ("@hash", hash.ToArray())), cancellationToken)
            .ConfigureAwait(false);
        return found.Count == 0 ? null : found[0];
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<bool>> AreTokensActiveAsync(IReadOnlyList<byte[]> hashes, CancellationToken cancellationToken)
    {
        var active = new bool[hashes.Count];
        if (active.Length > 0)
        {
            var found = await ReadAsync(
                session => session.QueryRowsAsync(
                    $"SELECT r.ord FROM {{rows}} {_dialect.JoinByIndex("tokens", "t", "t.hash = r.hash")} WHERE t.revoked IS NULL",
                    new RowSet(active.Length).Digest("hash", [.. hashes]),
                    static reader => (int)reader.GetInt64(0),
                    cancellationToken),
                cancellationToken).ConfigureAwait(false);
            found.ForEach(index => active[index] = true);
        }

        return active;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<TokenRecord>> ListTokensAsync(CancellationToken cancellationToken) =>
        await QueryTokensAsync("", cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<bool> AnyTokenAsync(CancellationToken cancellationToken) => ReadAsync(
        async session => await session.ScalarAsync("SELECT 1 FROM tokens LIMIT 1", cancellationToken).ConfigureAwait(false) is not null,
        cancellationToken);

    /// <inheritdoc/>
    public Task<bool> RevokeTokenAsync(long id, CancellationToken cancellationToken) => WriteAsync(
        durable: true,
        async session => await session.ExecuteAsync(
            new SqlText("UPDATE tokens SET revoked = @now WHERE id = @id AND revoked IS NULL", ("@now", NowSeconds()), ("@id", id)),
            cancellationToken).ConfigureAwait(false) == 1,
        cancellationToken);

    /// <inheritdoc/>
    public Task TouchTokenAsync(long id, CancellationToken cancellationToken) => WriteAsync(
        durable: false,
        session => session.ExecuteAsync(
            new SqlText("UPDATE tokens SET last_used = @now WHERE id = @id", ("@now", NowSeconds()), ("@id", id)), cancellationToken),
        cancellationToken);

    /// <summary>One row a token and store; rows of one token follow each other.</summary>
    private Task<List<TokenRecord>> QueryTokensAsync(SqlText condition, CancellationToken cancellationToken) => ReadAsync(
        async session =>
        {
            string text = $"""
                SELECT t.id, t.label, t.rights_everywhere, t.created, t.last_used, t.revoked, r.store, r.rights, t.expires
                FROM tokens t LEFT JOIN token_rights r ON r.token = t.id {condition.Text} ORDER BY t.id, r.store
                """;
            var tokens = new List<TokenRecord>();
            var rights = new Dictionary<StoreId, AccessRights>();
            await session.QueryAsync(
                condition with { Text = text },
                reader =>
                {
                    long id = reader.GetInt64(0);
                    if (tokens.Count == 0 || tokens[^1].Id != id)
                    {
                        rights = [];
                        tokens.Add(new TokenRecord(
                            id,
                            reader.GetString(1),
                            (AccessRights)reader.GetInt32(2),
                            rights,
                            reader.GetInt64(3),
                            reader.GetInt64OrNull(4),
                            reader.GetInt64OrNull(5))
                        {
                            Expires = reader.GetInt64OrNull(8),
                        });
                    }

                    if (!reader.IsDBNull(6))
                    {
                        rights[new StoreId(reader.GetInt32(6))] = (AccessRights)reader.GetInt32(7);
                    }

                    return id;
                },
                cancellationToken).ConfigureAwait(false);
            return tokens;
        },
        cancellationToken);
}
