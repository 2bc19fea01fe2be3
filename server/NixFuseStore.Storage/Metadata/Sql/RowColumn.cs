namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>A column of a <see cref="RowSet"/>; the array's element type fits the kind.</summary>
internal readonly record struct RowColumn(string Name, RowColumnKind Kind, Array Values);
