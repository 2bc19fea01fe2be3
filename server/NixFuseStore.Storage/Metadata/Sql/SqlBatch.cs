using System.Data.Common;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// Statements that go to the database together: in one round trip with PostgreSQL, one after the other with SQLite. Each sees what those
/// before it changed; none is sent if one before it fails.
/// </summary>
internal sealed class SqlBatch
{
    private readonly List<SqlStep> _steps = [];

    public IReadOnlyList<SqlStep> Steps => _steps;

    /// <summary>Adds a statement that returns no rows.</summary>
    public void Execute(SqlText statement) => _steps.Add(new SqlStep(statement, null, null));

    /// <summary>The same over rows; nothing where there are none.</summary>
    public void ExecuteRows(SqlText statement, RowSet rows) => Add(statement, rows, null);

    /// <summary>Adds a statement that returns rows.</summary>
    public void Query(SqlText statement, Action<DbDataReader> read) => _steps.Add(new SqlStep(statement, null, read));

    /// <summary>The same over rows; nothing where there are none.</summary>
    public void QueryRows(SqlText statement, RowSet rows, Action<DbDataReader> read) => Add(statement, rows, read);

    private void Add(SqlText statement, RowSet rows, Action<DbDataReader>? read)
    {
        if (rows.Count > 0)
        {
            _steps.Add(new SqlStep(statement, rows, read));
        }
    }
}
