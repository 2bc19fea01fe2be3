using System.Data.Common;

namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>A statement of a batch.</summary>
/// <param name="Statement">What it says.</param>
/// <param name="Rows">Rows that go along; null for none.</param>
/// <param name="Read">Called with each row that it returns; null where it returns none.</param>
internal sealed record SqlStep(SqlText Statement, RowSet? Rows, Action<DbDataReader>? Read);
