using System.Data.Common;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// A connection in use by one caller, perhaps with a transaction, which disposing rolls back unless it was committed. A connection whose state is
/// in doubt afterwards is not used again: whatever ends a transaction may fail too (a full disk ends it by itself, a rollback then finds none).
/// </summary>
/// <param name="dialect">The database.</param>
/// <param name="connection">Goes back with <paramref name="giveBack"/>.</param>
/// <param name="transaction">Null for a session that only reads.</param>
/// <param name="giveBack">Takes the connection back; false says that it must not be used again. Does not fail.</param>
internal sealed class SqlSession(
    SqlDialect dialect, DbConnection connection, DbTransaction? transaction, Func<DbConnection, bool, ValueTask> giveBack)
    : IAsyncDisposable
{
    // Goes ahead of the first statement, or with the first batch.
    private SqlText? _opening;
    private bool _committed;
    private bool _failed;

    public DbConnection Connection { get; } = connection;

    public SqlDialect Dialect { get; } = dialect;

    /// <summary>A statement that has to come first, but need not go by itself.</summary>
    public void BeginWith(SqlText opening) => _opening = opening;

    /// <summary>The statement that has to come first, for the one that sends it now.</summary>
    public SqlText? TakeOpening()
    {
        var opening = _opening;
        _opening = null;
        return opening;
    }

    public async Task<int> ExecuteAsync(SqlText statement, CancellationToken cancellationToken)
    {
        await OpenAsync(cancellationToken).ConfigureAwait(false);
        var command = CreateCommand(statement);
        await using (command.ConfigureAwait(false))
        {
            return await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The first column of the first row; null where there is no row or the column is null.</summary>
    public async Task<object?> ScalarAsync(SqlText statement, CancellationToken cancellationToken)
    {
        await OpenAsync(cancellationToken).ConfigureAwait(false);
        var command = CreateCommand(statement);
        await using (command.ConfigureAwait(false))
        {
            object? value = await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
            return value is DBNull ? null : value;
        }
    }

    public async Task<List<T>> QueryAsync<T>(SqlText statement, Func<DbDataReader, T> map, CancellationToken cancellationToken)
    {
        await OpenAsync(cancellationToken).ConfigureAwait(false);
        var command = CreateCommand(statement);
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                var rows = new List<T>();
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    rows.Add(map(reader));
                }

                return rows;
            }
        }
    }

    public async Task<T?> FirstAsync<T>(SqlText statement, Func<DbDataReader, T> map, CancellationToken cancellationToken)
        where T : class
    {
        var rows = await QueryAsync(statement, map, cancellationToken).ConfigureAwait(false);
        return rows.Count == 0 ? null : rows[0];
    }

    public async Task<int> ExecuteRowsAsync(SqlText statement, RowSet rows, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
        {
            return 0;
        }

        await OpenAsync(cancellationToken).ConfigureAwait(false);
        return await Dialect.ExecuteRowsAsync(this, statement, rows, cancellationToken).ConfigureAwait(false);
    }

    public async Task<List<T>> QueryRowsAsync<T>(
        SqlText statement, RowSet rows, Func<DbDataReader, T> map, CancellationToken cancellationToken)
    {
        var found = new List<T>();
        if (rows.Count > 0)
        {
            await OpenAsync(cancellationToken).ConfigureAwait(false);
            await Dialect.QueryRowsAsync(this, statement, rows, reader => found.Add(map(reader)), cancellationToken).ConfigureAwait(false);
        }

        return found;
    }

    /// <summary>Runs a batch.</summary>
    public Task RunAsync(SqlBatch batch, CancellationToken cancellationToken) =>
        batch.Steps.Count == 0 ? Task.CompletedTask : Dialect.RunAsync(this, batch, commit: false, cancellationToken);

    /// <summary>Runs the transaction's last batch and commits along with it; <see cref="CommitAsync"/> finds nothing to do afterwards.</summary>
    public async Task RunLastAsync(SqlBatch batch, CancellationToken cancellationToken)
    {
        await Dialect.RunAsync(this, batch, commit: true, cancellationToken).ConfigureAwait(false);
        _committed = true;
    }

    public DbBatch CreateBatch()
    {
        var batch = Connection.CreateBatch();
        batch.Transaction = transaction;
        return batch;
    }

    public DbCommand CreateCommand(SqlText statement)
    {
        var command = Connection.CreateCommand();
        command.CommandText = statement.Text;
        command.Transaction = transaction;
        foreach (var (name, value) in statement.Parameters ?? [])
        {
            AddParameter(command, name, value);
        }

        return command;
    }

    public static DbParameter AddParameter(DbCommand command, string name, object? value)
    {
        var parameter = command.CreateParameter();
        parameter.ParameterName = name;
        parameter.Value = value ?? DBNull.Value;
        command.Parameters.Add(parameter);
        return parameter;
    }

    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        var open = transaction ?? throw new InvalidOperationException("The session has no transaction.");
        if (_committed)
        {
            return;
        }

        try
        {
            await Dialect.CommitAsync(open, cancellationToken).ConfigureAwait(false);
            _committed = true;
        }
        catch
        {
            _failed = true;
            throw;
        }
    }

    /// <summary>The connection shall not be used again: something failed on it.</summary>
    public void MarkFailed() => _failed = true;

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (transaction is not null)
            {
                await transaction.DisposeAsync().ConfigureAwait(false);
            }
        }
#pragma warning disable CA1031 // the connection goes, and with it the transaction; the caller is told what failed first
        catch (Exception)
#pragma warning restore CA1031
        {
            _failed = true;
        }

        await giveBack(Connection, !_failed).ConfigureAwait(false);
    }

    private async ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        if (TakeOpening() is { } opening)
        {
            await ExecuteAsync(opening, cancellationToken).ConfigureAwait(false);
        }
    }
}
