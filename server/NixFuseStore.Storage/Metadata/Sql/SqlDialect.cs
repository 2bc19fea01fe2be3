using System.Data.Common;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>What differs between the databases. Everything else is one SQL text for both.</summary>
internal abstract class SqlDialect : IAsyncDisposable
{
    /// <summary>The database without its password.</summary>
    public abstract string Description { get; }

    /// <summary>Milliseconds since 1970 by the database's clock, which all servers share.</summary>
    public abstract string NowMilliseconds { get; }

    /// <summary>Stands behind a SELECT whose rows the transaction is going to change.</summary>
    public abstract string ForUpdate { get; }

    /// <summary>The same; rows that another transaction is going to change are passed over.</summary>
    public abstract string ForUpdateOfFree { get; }

    /// <summary>An expression for the size of the database in bytes.</summary>
    public abstract string DatabaseBytes { get; }

    /// <summary>A statement that counts the tables called <c>schema_versions</c>: none in an empty database.</summary>
    public abstract string CountSchemaTables { get; }

    /// <summary>Replaces the column types of the schema's statements.</summary>
    public abstract string TranslateSchema(string statement);

    /// <summary>Joins a text expression over a group with line feeds, in no order.</summary>
    public abstract string JoinLines(string expression);

    /// <summary>
    /// Joins a table to the rows before it, each of which finds its few by an index. Plans that begin with the table, which databases make
    /// while they believe it small, read all of it.
    /// </summary>
    /// <param name="table">Its name.</param>
    /// <param name="alias">What the statement calls it.</param>
    /// <param name="condition">Equalities on columns of one index.</param>
    public abstract string JoinByIndex(string table, string alias, string condition);

    /// <summary>A session that only reads. Every statement sees one moment.</summary>
    public abstract ValueTask<SqlSession> OpenReadAsync(CancellationToken cancellationToken);

    /// <summary>A session with an open transaction.</summary>
    /// <param name="durable">Whether its commit waits for the disk. A durable commit makes all earlier ones durable too.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public abstract ValueTask<SqlSession> OpenWriteAsync(bool durable, CancellationToken cancellationToken);

    /// <summary>
    /// A query that within a transaction keeps a sweep of unreferenced chunks out until it ends (shared), or keeps all registrations out
    /// (exclusive). Null where transactions that write exclude each other anyway.
    /// </summary>
    public abstract SqlText? LockSweep(bool exclusive);

    /// <summary>Within a transaction, keeps every other server from migrating the schema.</summary>
    public abstract Task LockMigrationsAsync(SqlSession session, CancellationToken cancellationToken);

    /// <summary>A query that within a transaction wakes the other servers' waiters when it commits. Null where that cannot be done.</summary>
    public abstract SqlText? Notify(StoreId store, EventPosition head);

    /// <summary>Hears other servers' notifications until cancelled; each carries store and head. May end early with an exception.</summary>
    public abstract Task ListenAsync(Action<StoreId, EventPosition> heard, CancellationToken cancellationToken);

    /// <summary>Runs a statement over rows and returns how many it changed.</summary>
    public abstract Task<int> ExecuteRowsAsync(SqlSession session, SqlText statement, RowSet rows, CancellationToken cancellationToken);

    /// <summary>Runs a statement over rows and reads what it returns.</summary>
    public abstract Task QueryRowsAsync(
        SqlSession session, SqlText statement, RowSet rows, Action<DbDataReader> read, CancellationToken cancellationToken);

    /// <summary>Runs all statements of a batch, and perhaps commits behind them.</summary>
    public abstract Task RunAsync(SqlSession session, SqlBatch batch, bool commit, CancellationToken cancellationToken);

    /// <summary>Commits a transaction, which may take as long as a disk takes to flush.</summary>
    public virtual Task CommitAsync(DbTransaction transaction, CancellationToken cancellationToken) => transaction.CommitAsync(cancellationToken);

    /// <summary>Whether the transaction failed only because of others and should be tried again.</summary>
    public abstract bool ShouldRetry(Exception exception);

    /// <summary>Why the database cannot be used, or null where the exception means something else.</summary>
    public abstract string? WhyUnavailable(Exception exception);

    public abstract ValueTask DisposeAsync();
}
