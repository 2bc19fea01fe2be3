namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>The schema.</content>
internal sealed partial class SqlMetadataStore
{
    /// <summary>For commands that only look: they leave an empty database empty.</summary>
    private async Task RequireSchemaAsync(CancellationToken cancellationToken)
    {
        var tables = await ReadAsync(session => session.ScalarAsync(_dialect.CountSchemaTables, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (tables.ToInt64() == 0)
        {
            throw new MetadataUnavailableException(
                $"The {Description} is empty: name the one that the server uses, with --data or --metadata as for 'serve'.");
        }
    }

    private async Task MigrateAsync(CancellationToken cancellationToken)
    {
        var migrations = Migrations.All;
        int newest = migrations[^1].Version;
        int found = await WriteAsync(
            durable: true,
            async session =>
            {
                await _dialect.LockMigrationsAsync(session, cancellationToken).ConfigureAwait(false);
                await session.ExecuteAsync(
                    _dialect.TranslateSchema(
                        "CREATE TABLE IF NOT EXISTS schema_versions (version {int} NOT NULL PRIMARY KEY, applied {big} NOT NULL)"),
                    cancellationToken).ConfigureAwait(false);
                int current = (int)(await session.ScalarAsync("SELECT max(version) FROM schema_versions", cancellationToken)
                    .ConfigureAwait(false)).ToInt64();
                foreach (var migration in migrations.Where(migration => migration.Version > current))
                {
                    await ApplyAsync(session, migration, cancellationToken).ConfigureAwait(false);
                }

                return current;
            },
            cancellationToken).ConfigureAwait(false);
        if (found > newest)
        {
            throw new MetadataUnavailableException(
                $"The {Description} has schema version {found}, but this program knows only up to {newest}: use a newer nixfuse-server.");
        }
    }

    private async Task ApplyAsync(SqlSession session, Migration migration, CancellationToken cancellationToken)
    {
        string[] statements =
            [.. migration.Statements, .. _dialect is PostgresDialect ? migration.PostgresStatements : []];
        foreach (string statement in statements)
        {
            await session.ExecuteAsync(_dialect.TranslateSchema(statement), cancellationToken).ConfigureAwait(false);
        }

        await session.ExecuteAsync(
            new SqlText(
                "INSERT INTO schema_versions (version, applied) VALUES (@version, @now)",
                ("@version", migration.Version),
                ("@now", NowSeconds())),
            cancellationToken).ConfigureAwait(false);
    }
}
