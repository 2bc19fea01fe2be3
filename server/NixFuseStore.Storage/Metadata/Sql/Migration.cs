namespace NixFuseStore.Storage.Metadata.Sql;

/// <summary>One step of the schema. Released ones are never edited; a change is a new one.</summary>
/// <param name="Version">From 1, without gaps.</param>
/// <param name="Statements">For both databases, with the type names that <see cref="SqlDialect.TranslateSchema"/> replaces.</param>
/// <param name="PostgresStatements">Run afterwards on PostgreSQL only.</param>
internal sealed record Migration(int Version, IReadOnlyList<string> Statements, IReadOnlyList<string> PostgresStatements);
