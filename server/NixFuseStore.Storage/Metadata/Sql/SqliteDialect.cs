using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using NixFuseStore.Nix.LocalStores;
using NixFuseStore.Storage.Base;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// SQLite in WAL mode: readers as many as there are callers, one writer at a time. Statements run on the calling thread.
/// </summary>
internal sealed class SqliteDialect : SqlDialect
{
    /// <summary>How long a writer of this process waits for another process's transaction.</summary>
    private const int BusyTimeoutMilliseconds = 30_000;

    /// <summary>Idle reading connections kept.</summary>
    private const int IdleReadersMax = 16;

    private readonly string _connectionString;
    private readonly ConcurrentBag<SqliteConnection> _readers = [];
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly WorkerThread _commits = new("sqlite-commit");
    private SqliteConnection? _writer;
    private bool _disposed;

    public SqliteDialect(string file)
    {
        SystemSqlite.Load();
        File = Path.GetFullPath(file);
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = File,
            Pooling = false,
            ForeignKeys = true,
            DefaultTimeout = BusyTimeoutMilliseconds / 1000,
        }.ToString();
    }

    public string File { get; }

    public override string Description => $"SQLite database {File}";

    public override string NowMilliseconds => "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";

    public override string ForUpdate => "";

    public override string ForUpdateOfFree => "";

    public override string DatabaseBytes => "(SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size())";

    public override string CountSchemaTables => "SELECT count(*) FROM sqlite_master WHERE name = 'schema_versions'";

    public override string TranslateSchema(string statement) => statement
        .Replace("{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT", StringComparison.Ordinal)
        .Replace("{id}", "INTEGER PRIMARY KEY", StringComparison.Ordinal)
        .Replace("{text}", "TEXT COLLATE BINARY", StringComparison.Ordinal)
        .Replace("{bytes}", "BLOB", StringComparison.Ordinal)
        .Replace("{int}", "INTEGER", StringComparison.Ordinal)
        .Replace("{big}", "INTEGER", StringComparison.Ordinal)
        .Replace("{keyed}", "WITHOUT ROWID", StringComparison.Ordinal);

    public override string JoinLines(string expression) => $"group_concat({expression}, char(10))";

    // SQLite begins a cross join with its left side.
    public override string JoinByIndex(string table, string alias, string condition) => $"CROSS JOIN {table} {alias} ON {condition}";

    public override ValueTask<SqlSession> OpenReadAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_readers.TryTake(out var connection))
        {
            connection = Open("PRAGMA query_only = ON");
        }

        return ValueTask.FromResult(new SqlSession(this, connection, null, GiveReaderBackAsync));
    }

    public override async ValueTask<SqlSession> OpenWriteAsync(bool durable, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _writer ??= Open("PRAGMA journal_mode = WAL; PRAGMA cache_size = -16384");
            // A commit that need not be durable skips the fsync of the log; the next durable one syncs the whole log.
            Execute(_writer, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
            var transaction = _writer.BeginTransaction(deferred: false);
            return new SqlSession(this, _writer, transaction, GiveWriterBackAsync);
        }
        catch
        {
            await DropWriterAsync().ConfigureAwait(false);
            _writing.Release();
            throw;
        }
    }

    /// <summary>Writers exclude each other anyway.</summary>
    public override SqlText? LockSweep(bool exclusive) => null;

    /// <inheritdoc cref="LockSweep"/>
    public override Task LockMigrationsAsync(SqlSession session, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Waiters of this process are woken directly, those of others poll.</summary>
    public override SqlText? Notify(StoreId store, EventPosition head) => null;

    public override Task ListenAsync(Action<StoreId, EventPosition> heard, CancellationToken cancellationToken) =>
        Task.Delay(Timeout.Infinite, cancellationToken);

    public override Task<int> ExecuteRowsAsync(SqlSession session, SqlText statement, RowSet rows, CancellationToken cancellationToken)
    {
        int changed = 0;
        RunRows(session, statement, rows, command => changed += command.ExecuteNonQuery(), cancellationToken);
        return Task.FromResult(changed);
    }

    public override Task QueryRowsAsync(
        SqlSession session, SqlText statement, RowSet rows, Action<DbDataReader> read, CancellationToken cancellationToken)
    {
        RunRows(session, statement, rows, command => Read(command, read), cancellationToken);
        return Task.CompletedTask;
    }

    public override Task RunAsync(SqlSession session, SqlBatch batch, bool commit, CancellationToken cancellationToken)
    {
        foreach (var (statement, rows, read) in batch.Steps)
        {
            Action<SqliteCommand> run = read is null ? static command => command.ExecuteNonQuery() : command => Read(command, read);
            if (rows is not null)
            {
                RunRows(session, statement, rows, run, cancellationToken);
            }
            else
            {
                using var command = (SqliteCommand)session.CreateCommand(statement);
                run(command);
            }
        }

        return commit ? session.CommitAsync(cancellationToken) : Task.CompletedTask;
    }

    /// <summary>It waits for the disk.</summary>
    public override Task CommitAsync(DbTransaction transaction, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _commits.RunAsync(transaction.Commit);
    }

    public override bool ShouldRetry(Exception exception) =>
        exception is SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED };

    public override string? WhyUnavailable(Exception exception) => exception switch
    {
        SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_FULL } => "the disk is full",
        SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED } => "another process keeps it locked",
        SqliteException
        {
            SqliteErrorCode: SQLitePCL.raw.SQLITE_CANTOPEN or SQLitePCL.raw.SQLITE_IOERR or SQLitePCL.raw.SQLITE_READONLY
                or SQLitePCL.raw.SQLITE_CORRUPT or SQLitePCL.raw.SQLITE_NOTADB or SQLitePCL.raw.SQLITE_PERM,
        } error => error.Message,
        _ => null,
    };

    public override async ValueTask DisposeAsync()
    {
        await _writing.WaitAsync().ConfigureAwait(false);
        _disposed = true;
        while (_readers.TryTake(out var reader))
        {
            await reader.DisposeAsync().ConfigureAwait(false);
        }

        await DropWriterAsync().ConfigureAwait(false);
        _commits.Dispose();
        _writing.Release();
    }

    private static void Execute(SqliteConnection connection, string statement)
    {
        using var command = connection.CreateCommand();
        command.CommandText = statement;
        command.ExecuteNonQuery();
    }

    private static void Read(SqliteCommand command, Action<DbDataReader> read)
    {
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            read(reader);
        }
    }

    private static void RunRows(
        SqlSession session, SqlText statement, RowSet rows, Action<SqliteCommand> run, CancellationToken cancellationToken)
    {
        using var command = (SqliteCommand)session.CreateCommand(statement);
        if (rows.Columns.Count == 1 && TryBindSet(command, rows.Columns[0], rows.Count, out string table))
        {
            command.CommandText = statement.Text.Replace("{rows}", table, StringComparison.Ordinal);
            run(command);
            return;
        }

        string names = string.Join(", ", rows.Columns.Select(column => $"@{column.Name} AS {column.Name}"));
        command.CommandText = statement.Text.Replace("{rows}", $"(SELECT {names}, @ord AS ord) AS r", StringComparison.Ordinal);
        var parameters = rows.Columns.Select(column => SqlSession.AddParameter(command, $"@{column.Name}", null)).ToArray();
        var ordinal = SqlSession.AddParameter(command, "@ord", 0);
        for (int row = 0; row < rows.Count; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int column = 0; column < parameters.Length; column++)
            {
                parameters[column].Value = rows.Columns[column].Values.GetValue(row) ?? DBNull.Value;
            }

            ordinal.Value = row;
            run(command);
        }
    }

    /// <summary>A single column becomes one table-valued expression, so that the statement runs once.</summary>
    private static bool TryBindSet(SqliteCommand command, RowColumn column, int count, out string table)
    {
        switch (column.Kind)
        {
            case RowColumnKind.Digest:
                var joined = new byte[count * 32];
                for (int i = 0; i < count; i++)
                {
                    ((byte[])column.Values.GetValue(i)!).CopyTo(joined, i * 32);
                }

                SqlSession.AddParameter(command, "@rows", joined);
                SqlSession.AddParameter(command, "@rowCount", count);
                table = $"(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @rowCount) "
                    + $"SELECT substr(@rows, i * 32 + 1, 32) AS {column.Name}, i AS ord FROM n) AS r";
                return true;
            case RowColumnKind.Text:
                SqlSession.AddParameter(command, "@rows", JsonSerializer.Serialize((string?[])column.Values));
                table = $"(SELECT value AS {column.Name}, key AS ord FROM json_each(@rows)) AS r";
                return true;
            case RowColumnKind.Big when column.Values is long[] values:
                SqlSession.AddParameter(command, "@rows", JsonSerializer.Serialize(values));
                table = $"(SELECT value AS {column.Name}, key AS ord FROM json_each(@rows)) AS r";
                return true;
            default:
                table = "";
                return false;
        }
    }

    private SqliteConnection Open(string pragmas)
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();
            Execute(connection, $"PRAGMA busy_timeout = {BusyTimeoutMilliseconds}; {pragmas}");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private ValueTask GiveReaderBackAsync(DbConnection connection, bool usable)
    {
        if (!usable || _disposed || _readers.Count >= IdleReadersMax)
        {
            return CloseAsync(connection);
        }

        _readers.Add((SqliteConnection)connection);
        return ValueTask.CompletedTask;
    }

    private async ValueTask GiveWriterBackAsync(DbConnection connection, bool usable)
    {
        // A transaction that is still open, as far as SQLite knows, would make every later one fail.
        if (!usable || SQLitePCL.raw.sqlite3_get_autocommit(((SqliteConnection)connection).Handle) == 0)
        {
            await DropWriterAsync().ConfigureAwait(false);
        }

        _writing.Release();
    }

    /// <summary>Closes the writing connection; the next writer opens another. Closing ends any transaction.</summary>
    private ValueTask DropWriterAsync()
    {
        var writer = _writer;
        _writer = null;
        return writer is null ? ValueTask.CompletedTask : CloseAsync(writer);
    }

    private static async ValueTask CloseAsync(DbConnection connection)
    {
        try
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is SqliteException or InvalidOperationException)
        {
            // It is not used again; what could not be closed is left to the finalizer of its handle.
        }
    }
}
