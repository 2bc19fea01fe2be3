namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>
/// Rows that go to the database with one statement, column by column. The statement says <c>{rows}</c> where a table <c>r</c> of these
/// columns, and <c>ord</c> (from 0), shall stand. PostgreSQL gets arrays; SQLite gets the statement once a row where there are several columns.
/// </summary>
internal sealed class RowSet(int count)
{
    private readonly List<RowColumn> _columns = [];

    public int Count { get; } = count;

    public IReadOnlyList<RowColumn> Columns => _columns;

    public RowSet Text(string name, string?[] values) => Add(name, RowColumnKind.Text, values);

    public RowSet Int(string name, int[] values) => Add(name, RowColumnKind.Int, values);

    public RowSet Big(string name, long[] values) => Add(name, RowColumnKind.Big, values);

    public RowSet NullableBig(string name, long?[] values) => Add(name, RowColumnKind.Big, values);

    public RowSet Bytes(string name, byte[][] values) => Add(name, RowColumnKind.Bytes, values);

    public RowSet NullableBytes(string name, byte[]?[] values) => Add(name, RowColumnKind.Bytes, values);

    /// <summary>32 bytes each.</summary>
    public RowSet Digest(string name, byte[][] values) => Add(name, RowColumnKind.Digest, values);

    private RowSet Add(string name, RowColumnKind kind, Array values)
    {
        if (values.Length != Count)
        {
            throw new ArgumentException($"Column {name} has {values.Length} values, not {Count}.", nameof(values));
        }

        _columns.Add(new RowColumn(name, kind, values));
        return this;
    }
}
