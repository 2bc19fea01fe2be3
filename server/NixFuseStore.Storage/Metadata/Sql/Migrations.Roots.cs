namespace NixFuseStore.Storage.Metadata.Sql;

/// <content>Roots of hosts, and build logs.</content>
internal static partial class Migrations
{
    /// <summary>No released program ever wrote a named root, so there is nothing to carry over.</summary>
    private static string[] RootsOfHosts =>
    [
        "DROP TABLE roots",
        """
        CREATE TABLE roots (
          store {int} NOT NULL REFERENCES stores(id), host {text} NOT NULL, link {text} NOT NULL, kind {int} NOT NULL,
          base_name {text} NOT NULL, created {big} NOT NULL, lease_until {big},
          PRIMARY KEY (store, host, link)) {keyed}
        """,
        "ALTER TABLE sessions ADD COLUMN host {text} NOT NULL DEFAULT ''",
        "CREATE INDEX sessions_by_store ON sessions (store)",
    ];

    /// <summary>Not <c>{keyed}</c>: the rows are long, and SQLite would carry them through the inner pages of the key.</summary>
    private static string[] BuildLogs =>
    [
        """
        CREATE TABLE build_logs (
          id {id}, store {int} NOT NULL REFERENCES stores(id), base_name {text} NOT NULL, plain_length {int} NOT NULL, zstd {bytes} NOT NULL,
          created {big} NOT NULL, UNIQUE (store, base_name))
        """,
    ];
}
